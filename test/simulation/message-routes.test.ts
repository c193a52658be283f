import { MessageRoutes } from './servers/message-routes.js';

const [OLD, NEW, OTHER] = [0, 3, 1];

/** Two messages that these nodes took one after the other. */
function routesOf(first: number, second: number): MessageRoutes {
  const routes = new MessageRoutes();
  routes.noteAccepted(first, 'c', 'first');
  routes.noteAccepted(second, 'c', 'second');
  return routes;
}

const areSwapped = (routes: MessageRoutes): boolean => routes.areSwapped('c', 'first', 'second');

describe('the ways of messages', () => {
  it('show that a message of a former primary reached a node behind one of the new primary', () => {
    const routes = routesOf(OLD, NEW);
    routes.notePassedOn(NEW, 'c', 'second');
    expect(areSwapped(routes)).toBe(false);
    routes.notePassedOn(NEW, 'c', 'first');
    expect(areSwapped(routes)).toBe(true);
  });

  it('show whether a message was sent with success once', () => {
    const routes = routesOf(OLD, NEW);
    expect(routes.reachedOnce('c', 'first')).toBe(true);
    routes.noteAccepted(NEW, 'c', 'first');
    expect(routes.reachedOnce('c', 'first')).toBe(false);
    expect(routes.reachedOnce('c', 'never sent')).toBe(false);
  });

  it('show that messages kept their order, or were not on the same node', () => {
    const routes = routesOf(OLD, NEW);
    routes.notePassedOn(OLD, 'c', 'first');
    routes.notePassedOn(NEW, 'c', 'first');
    routes.notePassedOn(NEW, 'c', 'second');
    routes.notePassedOn(OTHER, 'c', 'second');
    expect(areSwapped(routes)).toBe(false);
    expect(routes.areSwapped('c', 'first', 'never sent')).toBe(false);
  });

  it('excuse no messages of one node, and none that were sent in the wrong order', () => {
    for (const [first, second] of [
      [NEW, NEW],
      [OLD, NEW],
    ]) {
      const routes = routesOf(first, second);
      routes.notePassedOn(NEW, 'c', 'second');
      routes.notePassedOn(NEW, 'c', 'first');
      expect(areSwapped(routes)).toBe(first === OLD);
      expect(routes.areSwapped('c', 'second', 'first')).toBe(false);
    }
  });
});

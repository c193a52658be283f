import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CanActivate, INestApplication } from '@nestjs/common';
import { ClusterClient, ClusterEntity, ClusterModule, Index, PrimaryKey, Property, Subscribe } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import type { Page } from 'playwright-core';
import { breakableCluster } from '../breakable-cluster.js';
import { eventually } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';
import { endAll, startApp } from '../e2e/dashboard-app.js';
import { sharedBrowser, SIZES, type Scheme } from './browser.js';

let cluster: LocalCluster;
breakableCluster({ primaries: 3, replicasPerPrimary: 1, nodeTimeoutMs: 2_000 }, (whole) => {
  cluster = whole;
});
const { open } = sharedBrowser();
const shots = join(root, '.cache', 'screenshots');
mkdirSync(shots, { recursive: true });

afterEach(endAll);

@ClusterEntity({ name: 'Order', changes: true })
class Order {
  @PrimaryKey() id!: string;
  @Index({ scope: 'global' }) @Property() status!: string;
}

class Handlers {
  @Subscribe('orders.placed') onPlaced(): void {}
}

/** An application with a little traffic, at a URL. */
async function start(dashboard = {}): Promise<{ app: INestApplication; url: string; client: ClusterClient }> {
  const { app, url } = await startApp({
    imports: [ClusterModule.forRoot({ nodes: cluster.seeds }), ClusterModule.forFeature([Order])],
    providers: [Handlers],
    dashboard: { unguarded: true, ...dashboard },
  });
  return { app, url: `${url}/cluster`, client: app.get(ClusterClient) };
}

const text = (page: Page, id: string): Promise<string> => page.locator(`#${id}`).innerText();

/** Waits until a part of the page shows a text. */
const shows = (page: Page, id: string, expected: string | RegExp): Promise<void> =>
  page.locator(`#${id}`).filter({ hasText: expected }).waitFor();

/** Colors as `rgb(1, 2, 3)`. */
interface Colors {
  readonly paper: string;
  readonly inks: Readonly<Record<string, string>>;
}

/** Reads the colors of the page; runs in the browser. */
const COLORS = `(() => {
  const colorOf = (name) => {
    const probe = document.createElement('p');
    probe.style.color = 'var(--' + name + ')';
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const names = ['ink', 'quiet', 'bad', 'warn', 'good', 'accent'];
  const inks = Object.fromEntries(names.map((name) => [name, colorOf(name)]));
  return { paper: getComputedStyle(document.body).backgroundColor, inks };
})()`;

/** See https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(color: string): number {
  const [r, g, b] = color.match(/[\d.]+/g)!.map((channel) => {
    const share = Number(channel) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrastOf(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe.each<[keyof typeof SIZES, Scheme]>([
  ['desktop', 'light'],
  ['desktop', 'dark'],
  ['phone', 'light'],
  ['phone', 'dark'],
])('on a %s, %s', (size, scheme) => {
  it('shows everything, loads nothing from elsewhere, and fits the screen', async () => {
    const { url, client } = await start();
    await client.pubsub.publish('orders.placed', 1);
    const { page, faults } = await open(url, size, scheme);
    await shows(page, 'verdict', 'All slots are served');
    await shows(page, 'stream', 'Live');
    await page.locator('#nodes tr', { hasText: 'answers' }).nth(5).waitFor();
    await shows(page, 'entities', 'status (global index: status)');
    await shows(page, 'handlers', 'Handlers.onPlaced');
    await shows(page, 'log', 'Cluster found: 3 primaries, 3 replicas, 16384 slots');
    await client.set('a', '1');
    await page.locator('#busy li').first().waitFor();
    expect(await page.locator('#strip .band').count()).toBe(3);
    expect(await page.locator('#charts canvas').count()).toBe(6);
    expect(await page.locator('#shards li').allInnerTexts()).toHaveLength(3);
    expect(await text(page, 'summary')).toMatch(/^3 primaries · 3 replicas · 16,384 slots/);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await page.screenshot({ path: join(shots, `${size}-${scheme}.png`), fullPage: true });
    expect(faults).toEqual([]);
  });

  it('has text that can be read', async () => {
    const { url } = await start();
    const { page } = await open(url, size, scheme);
    await shows(page, 'verdict', 'All slots are served');
    const { paper, inks } = await page.evaluate<Colors>(COLORS);
    const contrasts = Object.entries(inks).map(([name, ink]) => ({ name, contrast: contrastOf(ink, paper) }));
    expect(contrasts.filter(({ contrast }) => contrast < 4.5)).toEqual([]);
    // dark is dark
    expect(luminance(paper) < 0.2).toBe(scheme === 'dark');
  });
});

it('can be used with the keyboard alone', async () => {
  const { url } = await start();
  const { page } = await open(url);
  await page.locator('#shards button').nth(2).waitFor();
  const focused = (): Promise<string> =>
    page.evaluate<string>('document.activeElement.id || document.activeElement.textContent.trim()');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('pause');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('strip');
  await page.keyboard.press('End');
  await shows(page, 'slot', /^Slot 16,383 · shard 3 · /);
  await page.keyboard.press('ArrowDown');
  await shows(page, 'slot', /^Slot 10,923 · shard 3 · /);
  await page.keyboard.press('ArrowLeft');
  await shows(page, 'slot', /^Slot 10,922 · shard 2 · /);
  expect(await page.locator('#strip').getAttribute('aria-valuetext')).toMatch(/^Slot 10,922 · shard 2/);
  await page.keyboard.press('Tab');
  expect(await focused()).toMatch(/^1 · /);
  await page.keyboard.press('Enter');
  expect(await page.locator('#strip .band.faded').count()).toBe(2);
  expect(await page.locator('#nodes tr.faded').count()).toBe(4);
  await page.keyboard.press('Enter');
  expect(await page.locator('#nodes tr.faded').count()).toBe(0);
});

it('keeps the focus while figures change', async () => {
  const { url, client } = await start();
  const { page } = await open(url);
  await page.locator('#shards button').nth(1).focus();
  const before = await text(page, 'totals');
  for (let i = 0; i < 50; i++) await client.set(`k${i}`, 'v');
  await eventually(async () => expect(await text(page, 'totals')).not.toBe(before));
  expect(await page.evaluate('document.activeElement.textContent')).toMatch(/^2 · /);
});

it('pauses, and goes on with what happened meanwhile', async () => {
  const { url, client } = await start();
  const { page } = await open(url);
  await shows(page, 'stream', 'Live');
  await page.locator('#pause').click();
  await shows(page, 'stream', 'Paused');
  await client.set('text', 'a');
  await client.incr('text').catch(() => {});
  await page.locator('#pause', { hasText: 'Resume' }).click();
  await shows(page, 'totals', '1 error: 1 ERR');
});

it('says that a guard turns it away, also while it is open', async () => {
  let isOpen = true;
  const guard: CanActivate = { canActivate: () => isOpen };
  const { app, url } = await start({ unguarded: undefined, guards: [guard] });
  const { page } = await open(url);
  await shows(page, 'stream', 'Live');
  isOpen = false;
  app.getHttpServer().closeAllConnections();
  await shows(page, 'stream', 'Access was refused');
});

it('says that the application is gone, and goes on when it is back', async () => {
  const { app, url } = await start();
  const { page } = await open(url);
  await shows(page, 'stream', 'Live');
  await app.close();
  await shows(page, 'stream', 'cannot be reached');
  const { app: next } = await startApp({
    imports: [ClusterModule.forRoot({ nodes: cluster.seeds })],
    port: Number(new URL(url).port),
  });
  await shows(page, 'stream', 'Live');
  await next.close();
});

it('shows a primary that dies, and the replica that takes over', async () => {
  const { url } = await start();
  const { page, faults } = await open(url);
  await shows(page, 'verdict', 'All slots are served');
  const [victim] = cluster.primaries;
  await cluster.kill(victim);
  await shows(page, 'log', `of ${victim.name}`);
  await cluster.restart(victim);
  await page.locator('#verdict', { hasText: /^All slots are served$/ }).waitFor();
  await page.locator('#nodes tr', { hasText: 'answers' }).nth(5).waitFor();
  expect(faults).toEqual([]);
});

it('shows that no node answers, with the slots hatched', async () => {
  const { url } = await start();
  const { page } = await open(url);
  await shows(page, 'verdict', 'All slots are served');
  for (const node of cluster.nodes) await cluster.kill(node);
  await shows(page, 'verdict', 'Not all slots are served');
  await page.locator('#strip .down').nth(2).waitFor();
  await page.screenshot({ path: join(shots, 'down.png'), fullPage: true });
  for (const node of cluster.nodes) await cluster.restart(node);
  await shows(page, 'verdict', 'All slots are served');
});

it('shows the cache of a cluster that has one, and nothing of it elsewhere', async () => {
  const { app, url } = await startApp({
    imports: [
      ClusterModule.forRoot({ nodes: cluster.seeds, cache: { maxBytes: 1_000_000, maxStaleMs: 5_000 } }),
      ClusterModule.forRoot({ nodes: cluster.seeds, name: 'plain' }),
    ],
  });
  const view = app.get(ClusterClient).with({ cache: true });
  const { page, faults } = await open(`${url}/cluster`);
  await shows(page, 'cache', 'Cache: nothing was read yet');
  await eventually(async () => {
    await view.get('kept');
    expect(await text(page, 'cache')).toMatch(/^Cache: \d+ % of .* reads from memory · 1 reply kept, \d+ B/);
  });
  await page.locator('#charts figure', { hasText: 'Reads through the cache' }).locator('canvas').waitFor();
  await page.screenshot({ path: join(shots, 'cache.png'), fullPage: true });
  await page.locator('#clusters').selectOption('plain');
  await shows(page, 'name', 'plain');
  await page.locator('#cache').waitFor({ state: 'hidden' });
  expect(await page.locator('#charts canvas').count()).toBe(6);
  expect(faults).toEqual([]);
});

it('lets the viewer choose one of several clusters', async () => {
  const { url } = await startApp({
    imports: [
      ClusterModule.forRoot({ nodes: cluster.seeds }),
      ClusterModule.forRoot({ nodes: cluster.seeds, name: 'sessions' }),
    ],
  });
  const { page } = await open(`${url}/cluster`);
  await shows(page, 'name', 'Redis Cluster');
  await page.locator('#clusters').selectOption('sessions');
  await shows(page, 'name', 'sessions');
  await page.reload();
  await shows(page, 'name', 'sessions');
});

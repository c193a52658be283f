export const byId = (id) => document.getElementById(id);
export const money = (cents) => (cents / 100).toFixed(2);
export const count = (number) => number.toLocaleString('en');
export const time = (iso) => new Date(iso).toLocaleTimeString();

export function create(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Leaves alone what is so already: a screen reader would say it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button that is not active for a while keeps the focus. */
export const setActive = (button, isActive) => (button.ariaDisabled = String(!isActive));

/** Makes as many children as there are items, and keeps those that there are. */
export function showList(list, items, make, update) {
  while (list.children.length > items.length) list.lastChild.remove();
  for (const [i, item] of items.entries()) {
    if (i === list.children.length) list.append(make(item));
    update(list.children[i], item);
  }
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Creates an element. */
export function create(tag, { text, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** Sets the text of an element, and touches nothing if it is the same: a selection stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets the class of an element, if it differs. */
export function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

/**
 * Shows one element for each item, in their order. Elements of known keys are used again, so that focus and selection
 * stay.
 * @param make creates an element, @param update shows an item in it
 */
export function showList(parent, items, keyOf, make, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let element = known.get(key);
    known.delete(key);
    if (element === undefined) {
      element = make(item);
      element.dataset.key = key;
    }
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
    update(element, item);
  }
  for (const element of known.values()) element.remove();
}

/**
 * A table whose columns are described by data: `{ label, text, state?, lead?, className?, card? }`: `text`, `state` (a class)
 * and `lead` (an element before the text) are functions of an item, `card` is a longer label for narrow screens.
 * The table is hidden while it has no rows.
 */
export class Table {
  constructor(head, body, columns) {
    this.body = body;
    this.columns = columns;
    this.table = body.closest('table');
    for (const { label, className = '' } of columns)
      head.append(create('th', { text: label, scope: 'col', className }));
    this.table.hidden = true;
  }

  /** @param classOf the class of a row */
  show(items, keyOf, classOf = () => '') {
    this.table.hidden = items.length === 0;
    const make = () => create('tr', {}, ...this.columns.map(({ label, card = label }) => cellOf(card)));
    showList(this.body, items, keyOf, make, (row, item) => {
      setClass(row, classOf(item));
      this.columns.forEach((column, i) => this.fill(row.children[i], column, item));
    });
  }

  fill(cell, { text, className = '', state = () => '', lead }, item) {
    setClass(cell, `${className} ${state(item)}`.trim());
    if (lead === undefined) return setText(cell, text(item));
    if (cell.childElementCount === 0) cell.append(lead(item), create('span'));
    setText(cell.lastElementChild, text(item));
    setClass(cell.firstElementChild, lead(item).className);
  }
}

/** On a phone, the label of its column is shown beside a cell. */
function cellOf(label) {
  const cell = create('td');
  cell.dataset.label = label;
  return cell;
}

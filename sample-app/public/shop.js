import { byId, count, create, money, setText, showList, time } from './dom.js';

const SHOWN_ORDERS = 12;

/** The sale as last heard of, and its newest orders. */
export class Shop {
  sale;
  orders = [];
  crowd;
  gaps = 0;

  leave() {
    [this.sale, this.orders, this.crowd] = [undefined, [], undefined];
  }

  /** News may overtake each other; what is sold stays sold. */
  hearSale({ orders, ...sale }) {
    const sold = Math.max(sale.sold, this.sale?.sold ?? 0);
    this.sale = { ...sale, sold, left: sale.stock - sold };
    this.addOrders(orders);
  }

  hearOrder({ saleId: _saleId, sold, ...order }) {
    if (this.sale === undefined) return;
    if (sold > this.sale.sold) this.sale = { ...this.sale, sold, left: this.sale.stock - sold };
    this.addOrders([order]);
  }

  hearDemo({ crowd, gaps }) {
    this.crowd = crowd;
    this.gaps = gaps;
  }

  addOrders(orders) {
    const known = new Map([...this.orders, ...orders].map((order) => [order.id, order]));
    this.orders = [...known.values()]
      .sort((a, b) => b.placedAt.localeCompare(a.placedAt))
      .slice(0, SHOWN_ORDERS);
  }

  show() {
    const { sale, crowd } = this;
    for (const id of ['sale', 'counts', 'news']) byId(id).hidden = !sale;
    if (!sale) return;
    const isSoldOut = sale.left === 0;
    document.title = isSoldOut ? `Sold out: ${sale.title}` : `${sale.left} left: ${sale.title}`;
    setText(byId('title'), sale.title);
    setText(byId('price'), money(sale.priceCents));
    setText(byId('left'), isSoldOut ? 'Sold out' : count(sale.left));
    setText(byId('stock'), isSoldOut ? `all ${count(sale.stock)} pieces` : `of ${count(sale.stock)} left`);
    byId('bar').style.width = `${(100 * sale.left) / sale.stock}%`;
    byId('buy').disabled = isSoldOut;
    byId('crowd').disabled = isSoldOut || (crowd?.waiting ?? 0) > 1;
    setText(
      byId('tally'),
      this.orders.length === 0
        ? 'None yet. They appear as they are placed, here or elsewhere.'
        : 'The newest',
    );
    this.showOrders();
    this.showCounts();
  }

  showOrders() {
    showList(
      byId('orders'),
      this.orders,
      () => create('li', {}, create('span'), create('span'), create('span')),
      (item, { buyer, quantity, totalCents, placedAt }) => {
        const texts = [buyer, `${quantity} × ${money(totalCents / quantity)}`, time(placedAt)];
        for (const [i, text] of texts.entries()) setText(item.children[i], text);
      },
    );
  }

  showCounts() {
    const { sale, gaps, crowd } = this;
    const { late = 0, unknown = 0, error = 0, audit } = crowd ?? {};
    const counts = [
      ['Sold', sale.sold, `of ${count(sale.stock)} pieces`],
      ['Too late', late, 'told that it is sold out'],
      ['Outcome unknown', unknown, 'sent again, still one order'],
      ['Errors', error, 'buyers without an answer', error > 0],
      [
        'Executed twice',
        audit?.twice ?? '–',
        audit ? `orders checked: ${count(audit.orders)}` : 'checked at the end',
        audit?.twice > 0,
      ],
      ['Gaps', gaps, 'in the news, then read again'],
    ];
    showList(
      byId('counts'),
      counts,
      () => create('div', {}, create('dt'), create('dd'), create('dd', { className: 'quiet' })),
      (item, [name, value, meaning, isBad]) => {
        const [title, figure, text] = item.children;
        setText(title, name);
        setText(figure, typeof value === 'number' ? count(value) : value);
        figure.className = isBad ? 'figure bad' : 'figure';
        setText(text, meaning);
      },
    );
  }

  /** What there is to say of the buyers sent from this process, if there are any. */
  crowdText() {
    const { sale, crowd } = this;
    if (!sale || !crowd || crowd.buyers < 2) return undefined;
    const { buyers, waiting, refused, unknown, error, audit } = crowd;
    if (waiting > 0) {
      const again = refused + unknown > 0 ? ` ${count(refused + unknown)} requests were sent again.` : '';
      return `${count(buyers - waiting)} of ${count(buyers)} buyers have their answer.${again}`;
    }
    if (!audit) return 'All buyers have their answer. Checking the orders …';
    const faults = [
      [audit.twice, 'sold twice'],
      [audit.lost, 'lost'],
      [error, 'without an answer'],
    ].filter(([number]) => number > 0);
    if (faults.length > 0) return faults.map(([number, what]) => `${count(number)} ${what}`).join(', ') + '.';
    return `All ${count(buyers)} buyers have their answer: ${count(audit.sold)} of ${count(sale.stock)} pieces are sold, each once, and no order is lost.`;
  }
}

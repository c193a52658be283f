import { byId, create, setText, showList } from './dom.js';
import { bytes, clock, milliseconds, rate } from './format.js';

/** Where two samples are further apart, in seconds, nobody watched: the line is broken. */
const HOLE = 4;
/** The time that a chart covers, in seconds: what there is, within these bounds. */
const LEAST_SPAN = 60;
const SPAN = 300;
/** Error codes that have a line of their own. */
const CODES = 4;

const INKS = ['--ink', '--shard-1', '--shard-0', '--bad', '--shard-3'];

/** What each chart shows: series by name, and the figure above it. Some are shown for some samples only. */
const CHARTS = [
  {
    title: 'Commands',
    unit: 'per second',
    format: rate,
    series: () => [['commands', (sample) => sample.commands]],
  },
  {
    title: 'Round trips, last minutes',
    unit: '99th percentile',
    format: milliseconds,
    series: () => [
      ['99 %', (sample) => sample.p99],
      ['50 %', (sample) => sample.p50],
    ],
  },
  {
    title: 'Errors by code',
    unit: 'per second',
    format: rate,
    sum: true,
    series: (codes) => codes,
  },
  {
    title: 'Redirects, retries, unknown outcomes',
    unit: 'per second',
    format: rate,
    sum: true,
    series: () => [
      ['redirects', (sample) => sample.redirects],
      ['retries', (sample) => sample.retries],
      ['unknown outcomes', (sample) => sample.unknown],
    ],
  },
  {
    title: 'Pending',
    unit: 'commands',
    format: rate,
    series: () => [['pending', (sample) => sample.pending]],
  },
  {
    title: 'Traffic',
    unit: 'per second',
    format: bytes,
    series: () => [['bytes', (sample) => sample.bytes]],
  },
  {
    title: 'Reads through the cache',
    unit: 'from memory, per second',
    format: rate,
    isShown: ({ cache }) => cache !== undefined,
    series: () => [
      ['hits', ({ cache }) => cache?.hits ?? 0],
      ['misses', ({ cache }) => cache?.misses ?? 0],
    ],
  },
];

/** The figures of the client over the last minutes. */
export class Charts {
  samples = [];
  /** Error codes in the order in which they occurred first, so that each keeps its line. */
  codes = [];

  constructor() {
    this.charts = CHARTS.map((chart) => new Chart(byId('charts'), chart));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const chart of this.charts) chart.rebuild();
      this.draw();
    });
  }

  /** @param fresh whether these replace all samples */
  add(samples, fresh) {
    this.samples = fresh ? samples : [...this.samples, ...samples];
    const latest = this.samples.at(-1)?.at ?? 0;
    this.samples = this.samples.filter(({ at }) => latest - at <= SPAN * 1_000);
    const seen = this.samples.flatMap(({ errors }) => Object.keys(errors));
    this.codes = [...new Set([...this.codes, ...seen])];
    this.draw();
  }

  draw() {
    const named = this.codes.slice(0, CODES).map((code) => [code, ({ errors }) => errors[code] ?? 0]);
    const others = this.codes.slice(CODES);
    const sumOthers = ({ errors }) => others.reduce((sum, code) => sum + (errors[code] ?? 0), 0);
    const series = others.length === 0 ? named : [...named, ['others', sumOthers]];
    const samples = withHoles(this.samples);
    for (const chart of this.charts) chart.draw(samples, this.samples.at(-1), series);
  }
}

class Chart {
  plot;
  names = '';

  constructor(parent, chart) {
    this.chart = chart;
    this.now = create('span');
    this.key = create('div', { className: 'key' });
    this.area = create('div', { className: 'plot' });
    this.figure = create(
      'figure',
      {},
      create('h3', { text: chart.title }),
      create('p', { className: 'now' }, this.now, create('small', { text: chart.unit })),
      this.area,
      this.key,
    );
    parent.append(this.figure);
    new ResizeObserver(() => this.plot?.setSize(this.size)).observe(this.area);
  }

  get size() {
    return { width: this.area.clientWidth, height: this.area.clientHeight };
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = undefined;
  }

  draw(samples, latest, codes) {
    const { series: seriesOf, format, sum, isShown = () => true } = this.chart;
    this.figure.hidden = !isShown(latest ?? {});
    if (this.figure.hidden) return this.rebuild();
    const series = seriesOf(codes);
    const names = series.map(([name]) => name).join();
    if (names !== this.names) this.rebuild();
    this.names = names;
    const values = latest === undefined ? [] : series.map(([, read]) => read(latest));
    setText(this.now, format(sum ? values.reduce((all, value) => all + value, 0) : (values[0] ?? 0)));
    this.showKey(series.map(([name], i) => ({ name, ink: i, value: values[i] })));
    const data = [
      samples.map(({ at }) => at / 1_000),
      ...series.map(([, read]) => samples.map((sample) => (sample.hole ? null : read(sample)))),
    ];
    if (this.plot === undefined) this.plot = createPlot(this.area, this.size, series.length, format, data);
    else this.plot.setData(data);
  }

  showKey(items) {
    this.key.hidden = items.length < 2 && !this.chart.sum;
    const make = ({ ink }) => {
      const swatch = create('span', { className: 'swatch' });
      swatch.style.background = `var(${INKS[ink]})`;
      return create('span', {}, swatch, create('span'));
    };
    const show = (element, { name }) => setText(element.lastElementChild, name);
    showList(this.key, items, ({ name, ink }) => `${ink} ${name}`, make, show);
  }
}

/** Inserts a sample without values where nobody watched. */
function withHoles(samples) {
  return samples.flatMap((sample, i) => {
    const before = samples[i - 1];
    const isHole = before !== undefined && sample.at - before.at > HOLE * 1_000;
    return isHole ? [{ at: before.at + 1, hole: true }, sample] : [sample];
  });
}

function createPlot(area, size, count, format, data) {
  const styles = getComputedStyle(document.documentElement);
  const color = (name) => styles.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--quiet'),
    font: '11px system-ui, sans-serif',
    ticks: { show: false },
    gap: 4,
  };
  const options = {
    ...size,
    legend: { show: false },
    cursor: { show: false },
    select: { show: false },
    padding: [6, 0, 0, 0],
    scales: {
      x: { time: true, range: (_plot, least, most) => [Math.min(least, most - LEAST_SPAN), most] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.15 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 18,
        space: 90,
        grid: { show: false },
        values: timesOf,
      },
      {
        ...axis,
        size: 52,
        space: 34,
        grid: { stroke: color('--rule'), width: 1 },
        values: (_plot, values) => values.map((value) => (value === 0 ? '0' : format(value))),
      },
    ],
    series: [
      {},
      ...Array.from({ length: count }, (_, i) => ({
        stroke: color(INKS[i]),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
  return new globalThis.uPlot(options, data, area);
}

/** The times of ticks. One at the right edge would be cut off. */
const timesOf = (plot, times) =>
  times.map((time) => (plot.valToPos(time, 'x') > plot.over.clientWidth - 24 ? '' : clock(time * 1_000)));

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { root } from '../docs-snippets.js';
import { sharedBrowser, SIZES, type Scheme } from './browser.js';

const { open } = sharedBrowser();
const shots = join(root, '.cache', 'screenshots');
mkdirSync(shots, { recursive: true });

/** `npm start`, as a visitor runs it. */
let start: ChildProcess;
let output = '';
let shop: string;

beforeAll(async () => {
  // it takes the next port if this one is taken
  const env = { ...process.env, PORT: '3100', REDIS_CLUSTER_NODES: '' };
  start = spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], { env });
  const opened = new Promise<string>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, url] = /The shop is open: (\S+)/.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    };
    start.stdout!.on('data', collect);
    start.stderr!.on('data', collect);
    start.once('exit', () => reject(new Error(`npm start ended:\n${output}`)));
  });
  shop = await opened;
});
afterAll(async () => {
  if (start?.exitCode !== null) return;
  start.kill('SIGTERM');
  expect(await once(start, 'exit')).toEqual([0, null]);
});

/** Waits until a part of the page shows a text. */
const shows = (page: Page, selector: string, text: string | RegExp): Promise<void> =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 60_000 });

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name }).click();

const isActive = (page: Page, name: string): Promise<boolean> =>
  page.getByRole('button', { name }).isEnabled();

/** The figures of the page by their names. */
async function counts(page: Page): Promise<Record<string, string>> {
  const texts = await page.locator('#counts div').allInnerTexts();
  return Object.fromEntries(texts.map((text) => text.split('\n').slice(0, 2)));
}

async function openSale(page: Page, pieces: number): Promise<void> {
  await page.getByLabel('Pieces').fill(String(pieces));
  await press(page, 'Open the sale');
  await shows(page, '#left', pieces.toLocaleString('en'));
}

it('sells exactly the stock while the primary dies, in front of the visitor', async () => {
  const { page, faults } = await open(shop);
  await openSale(page, 800);
  const dying = await page.locator('#nodes li', { hasText: 'this sale' }).locator('b').innerText();
  await press(page, '1,000 buyers');
  await shows(page, '#notice', /^\d+ of 1,000 buyers/);
  await press(page, 'Kill this sale’s primary');
  await shows(page, '#nodes .dead', dying);
  expect(await isActive(page, 'Freeze it')).toBe(false);
  await shows(page, '#log', 'took over');
  await shows(page, '#notice', 'All 1,000 buyers have their answer: 800 of 800 pieces are sold, each once');
  expect(await counts(page)).toMatchObject({
    Sold: '800',
    'Too late': '200',
    Errors: '0',
    'Executed twice': '0',
  });
  await page.screenshot({ path: join(shots, 'demo-sold-out.png') });

  // sold out, and its only copy is left
  expect(await page.locator('#left').innerText()).toBe('Sold out');
  for (const name of ['1,000 buyers', 'Buy one', 'Kill this sale’s primary', 'Freeze it'])
    expect([name, await isActive(page, name)]).toEqual([name, false]);

  const second = await open(page.url());
  await shows(second.page, '#left', 'Sold out');
  expect(await second.page.locator('#orders li').count()).toBe(await page.locator('#orders li').count());
  expect(await second.page.locator('#orders li').count()).toBeGreaterThan(5);
  expect(await counts(second.page)).toEqual(await counts(page));

  await press(page, 'Bring it back');
  await shows(page, '#log', `${dying} is back, as a replica`);
  expect(await page.locator('#nodes .dead').count()).toBe(0);
  expect([...faults, ...second.faults]).toEqual([]);
});

it('starts a second process, which sees and sells the same sale', async () => {
  const { page, faults } = await open(shop);
  await openSale(page, 30);
  await press(page, 'Start a second process');
  const link = page.locator('#doors a');
  await link.waitFor({ timeout: 60_000 });
  const other = await open((await link.getAttribute('href'))!);
  await shows(other.page, '#left', '30');
  expect(await other.page.locator('#faults').isVisible()).toBe(false);
  await press(other.page, 'Buy one');
  await shows(page, '#left', '29');
  await press(page, '1,000 buyers');
  for (const one of [page, other.page]) await shows(one, '#left', 'Sold out');
  await shows(page, '#notice', /30 of 30 pieces are sold, each once/);
  expect([...faults, ...other.faults]).toEqual([]);
});

it('says that there is no such sale', async () => {
  const { page, faults } = await open(`${shop}/#none`);
  await shows(page, '#notice', 'There is no sale none');
  await openSale(page, 7);
  expect(await page.locator('#notice').innerText()).toBe('');
  expect(faults).toEqual([]);
});

it('can be used with the keyboard alone', async () => {
  const { page } = await open(shop);
  const focused = (): Promise<string> => page.evaluate<string>('document.activeElement.textContent.trim()');
  await page.getByLabel('Pieces').focus();
  await page.keyboard.press('Enter');
  await shows(page, '#left', '800');
  for (const name of ['1,000 buyers', 'Buy one', 'Open another sale', 'Kill this sale’s primary']) {
    await page.keyboard.press('Tab');
    expect(await focused()).toBe(name);
  }
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Move this sale’s slot');
  const before = await page.locator('#where').innerText();
  await page.keyboard.press('Enter');
  await shows(page, '#log', /^.*Slot \d+ moved/s);
  await page.waitForFunction(`document.getElementById('where').textContent !== ${JSON.stringify(before)}`);
  expect(await focused()).toBe('Move this sale’s slot');
});

it.each(
  Object.keys(SIZES).flatMap((size) =>
    (['light', 'dark'] as const).map((scheme) => [size as keyof typeof SIZES, scheme] as const),
  ),
)('fits a %s in %s', async (size, scheme: Scheme) => {
  const { page, faults } = await open(shop, size, scheme);
  await openSale(page, 1_000_000);
  await press(page, 'Buy one');
  await page.locator('#orders li').first().waitFor();
  expect(await page.locator('#nodes li').count()).toBe(6);
  expect(await page.locator('#strip span').count()).toBeGreaterThanOrEqual(3);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  const overflow = `(() => {
    const right = (selector) => document.querySelector(selector).getBoundingClientRect().right;
    const { left, width } = document.querySelector('#left').getBoundingClientRect();
    return Math.max(left + width, left + document.querySelector('#left').scrollWidth) - right('.shop');
  })()`;
  expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0.5);
  await page.screenshot({ path: join(shots, `demo-${size}-${scheme}.png`), fullPage: true });
  expect(faults).toEqual([]);
});

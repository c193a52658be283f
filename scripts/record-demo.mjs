// Records docs/images/demo.gif: npm start in a headless Chromium, a thousand buyers, and the death of a primary.
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';
import { ensureChromium } from './chromium.mjs';
import { root } from './paths.mjs';

// an ES module that Node takes for CommonJS, where names cannot be imported
const { GIFEncoder, applyPalette, quantize } = createRequire(import.meta.url)('gifenc');
const FILE = join(root, 'docs', 'images', 'demo.gif');
const SIZE = { width: 1000, height: 800 };
const FRAME_MS = 100;
const LAST_FRAME_MS = 5_000;
const MOST_BYTES = 2_000_000;
/** Pixels that are as they were before; with only as many colors, frames are small. */
const UNCHANGED = 127;

const start = spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], {
  env: { ...process.env, REDIS_CLUSTER_NODES: '' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const frames = await record(await shopAddress());
  const gif = encode(frames);
  if (gif.length > MOST_BYTES)
    throw new Error(`The recording has ${gif.length} bytes, more than ${MOST_BYTES}`);
  writeFileSync(FILE, gif);
  console.log(`${FILE}: ${frames.length} frames, ${gif.length} bytes`);
} finally {
  start.kill('SIGTERM');
  await once(start, 'exit');
}

/** @returns {Promise<string>} once the shop is open */
async function shopAddress() {
  let output = '';
  for await (const [chunk] of on(start.stdout, 'data', { close: ['end'] })) {
    output += chunk;
    const [, url] = /The shop is open: (\S+)/.exec(output) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`npm start ended:\n${output}`);
}

/** Plays the story. @returns {Promise<{ image: PNG, at: number }[]>} */
async function record(url) {
  const executablePath = await ensureChromium();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' });
    await page.goto(url);
    await page.locator('#nodes li').nth(5).waitFor();
    const shots = [];
    let isOver = false;
    const story = play(page).finally(() => (isOver = true));
    while (!isOver) {
      shots.push({ at: performance.now(), data: await page.screenshot() });
      await Promise.race([story, delay(FRAME_MS)]);
    }
    await story;
    shots.push({ at: performance.now(), data: await page.screenshot() });
    return shots.map(({ at, data }) => ({ at, image: PNG.sync.read(data) }));
  } finally {
    await browser.close();
  }
}

async function play(page) {
  const press = async (name) => {
    await page.getByRole('button', { name }).hover();
    await delay(600);
    await page.getByRole('button', { name }).click();
  };
  await delay(1_000);
  await press('Open the sale');
  await delay(800);
  await press('1,000 buyers');
  await delay(2_000);
  await press('Kill this sale’s primary');
  await page.locator('#notice', { hasText: 'All 1,000 buyers' }).waitFor({ timeout: 60_000 });
  await delay(500);
}

/** Writes of each frame only what has changed. */
function encode(frames) {
  const { width, height } = SIZE;
  const samples = [0, 0.4, 0.7, 1].map((share) => frames[Math.round(share * (frames.length - 1))].image.data);
  const palette = quantize(Buffer.concat(samples), UNCHANGED);
  while (palette.length <= UNCHANGED) palette.push([0, 0, 0]);
  const gif = GIFEncoder();
  let before;
  for (const [i, { at, image }] of frames.entries()) {
    const pixels = applyPalette(image.data, palette.slice(0, UNCHANGED));
    const changed = before ? pixels.map((color, p) => (color === before[p] ? UNCHANGED : color)) : pixels;
    const until = frames[i + 1]?.at ?? at + LAST_FRAME_MS;
    const options = {
      delay: until - at,
      transparent: before !== undefined,
      transparentIndex: UNCHANGED,
      dispose: 1,
    };
    gif.writeFrame(changed, width, height, before ? options : { ...options, palette });
    before = pixels;
  }
  gif.finish();
  return gif.bytes();
}

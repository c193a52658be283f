import { chromium, type Browser, type Page } from 'playwright-core';

/** What a page did that it should not do: errors, and requests to other servers. */
export interface WatchedPage {
  readonly page: Page;
  readonly faults: string[];
}

export type Scheme = 'light' | 'dark';

export const SIZES = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 360, height: 740 },
} as const;

/** A browser for all tests of a file. */
export function sharedBrowser(): {
  open(url: string, size?: keyof typeof SIZES, scheme?: Scheme): Promise<WatchedPage>;
} {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = process.env.KEYSLOT_CHROMIUM;
    if (executablePath === undefined) throw new Error('Run these tests with npm run test:browser');
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    browser = await chromium.launch({ executablePath, args });
  });
  afterAll(() => browser?.close());
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  return {
    open: async (url, size = 'desktop', scheme = 'light') => {
      const context = await browser.newContext({
        viewport: SIZES[size],
        colorScheme: scheme,
        hasTouch: size === 'phone',
      });
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
      });
      page.on('pageerror', ({ message }) => faults.push(message));
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`request to ${request.url()}`);
      });
      await page.goto(url);
      return { page, faults };
    },
  };
}

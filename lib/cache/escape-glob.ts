/** Text as a glob-style pattern of Redis that matches it, and nothing else. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&');
}

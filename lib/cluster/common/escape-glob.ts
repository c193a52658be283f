/** Returns a glob-style pattern of Redis that matches exactly the given text. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, String.raw`\$&`);
}

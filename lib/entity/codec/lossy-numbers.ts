/**
 * Returns whether new JSON contains a number that was read from the stored JSON and rounded. JavaScript numbers are
 * exact only for integers up to 2^53, and have at most 17 digits.
 */
export function hasRoundedNumber(stored: string, written: string): boolean {
  if (!LONG_NUMBER.test(stored)) return false;
  const rounded = new Set(
    numbersIn(stored)
      .filter(isLossy)
      .map((text) => String(Number(text))),
  );
  return rounded.size > 0 && numbersIn(written).some((text) => rounded.has(String(Number(text))));
}

/** Matches every number that can be rounded: one of at least 16 digits, or with an exponent of three digits. */
const LONG_NUMBER = /\d{8}[\d.]{8}|[eE]\+?\d{3}/;

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const numbersIn = (json: string): string[] =>
  (json.match(STRING_OR_NUMBER) ?? []).filter((token) => !token.startsWith('"'));

/** Beyond this number of digits, two texts of fractions can be the same number: some programs write more digits. */
const FRACTION_DIGITS = 17;

/** Returns whether JavaScript reads a different number than the JSON contains. */
function isLossy(text: string): boolean {
  const [digits, power] = digitsOf(text);
  const [readDigits, readPower] = Number.isFinite(Number(text)) ? digitsOf(String(Number(text))) : [];
  if (digits === readDigits && power === readPower) return false;
  return power >= 0 || digits.length > FRACTION_DIGITS;
}

/** Returns the digits of a number without leading and trailing zeros, and the power of ten of the last digit. */
function digitsOf(text: string): [digits: string, power: number] {
  const [, whole, part = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const digits = `${whole}${part}`.replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return [kept, kept === '' ? 0 : Number(exponent) - part.length + digits.length - kept.length];
}

/**
 * Whether JSON that is written in the place of other JSON has a number that was read from it, and was rounded by that:
 * JavaScript holds no integer beyond 2^53 exactly, and no more than 17 digits.
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

/** What a number that does not survive has at least: 16 digits, or an exponent of three. */
const LONG_NUMBER = /\d{8}[\d.]{8}|[eE]\+?\d{3}/;

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const numbersIn = (json: string): string[] =>
  (json.match(STRING_OR_NUMBER) ?? []).filter((token) => !token.startsWith('"'));

/** Digits beyond which two texts of fractions may be one number, written by a program that shows more of them. */
const FRACTION_DIGITS = 17;

/** Whether a number in JSON is another one than what JavaScript reads. */
function isLossy(text: string): boolean {
  const [digits, power] = digitsOf(text);
  const [readDigits, readPower] = Number.isFinite(Number(text)) ? digitsOf(String(Number(text))) : [];
  if (digits === readDigits && power === readPower) return false;
  return power >= 0 || digits.length > FRACTION_DIGITS;
}

/** The digits of a number without zeros around them, and the power of ten of the last one. */
function digitsOf(text: string): [digits: string, power: number] {
  const [, whole, part = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const digits = `${whole}${part}`.replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return [kept, kept === '' ? 0 : Number(exponent) - part.length + digits.length - kept.length];
}

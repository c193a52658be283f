import { ClusterClient, InvalidArgumentError, type ClusterClientOptions } from 'keyslot';

const GOOD = { maxBytes: 1_000_000, maxStaleMs: 1_000 };

/** The name of the argument that is refused, and the message. */
function refusal(options: object): [string, string] {
  try {
    new ClusterClient(options as ClusterClientOptions);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return [error.argument, error.message];
    throw error;
  }
  throw new Error('It was accepted');
}

describe('the option cache', () => {
  test.each<[cache: unknown, argument: string, expected: RegExp]>([
    [true, 'cache', /must be an object such as/],
    [null, 'cache', /must be an object/],
    [[], 'cache', /must be an object/],
    [{}, 'cache.maxBytes', /whole number of bytes, from 1/],
    [{ maxBytes: 1_000 }, 'cache.maxStaleMs', /whole number of milliseconds, from 50/],
    [{ ...GOOD, maxStaleMs: 0 }, 'cache.maxStaleMs', /got 0/],
    [{ ...GOOD, maxStaleMs: Infinity }, 'cache.maxStaleMs', /got Infinity/],
    [{ ...GOOD, maxBytes: '64mb' }, 'cache.maxBytes', /whole number of bytes/],
    [{ ...GOOD, maxAgeMs: 0 }, 'cache.maxAgeMs', /got 0/],
    [{ ...GOOD, maxage: 5 }, 'maxage', /did you mean maxAgeMs/],
    [{ ...GOOD, prefixes: [] }, 'cache.prefixes', /at least one/],
    [{ ...GOOD, prefixes: 'user:' }, 'cache.prefixes', /a list/],
    [{ ...GOOD, prefixes: ['user:', ''] }, 'cache.prefixes', /non-empty/],
    [{ ...GOOD, prefixes: ['user:', 'user:1'] }, 'cache.prefixes', /begins with another/],
    [{ ...GOOD, prefixes: ['a', 'a'] }, 'cache.prefixes', /begins with another/],
  ])('rejects %j', (cache, argument, expected) => {
    const [name, message] = refusal({ cache });
    expect(name).toBe(argument);
    expect(message).toMatch(expected);
  });

  test('needs RESP3', () => {
    expect(refusal({ cache: GOOD, protocol: 2 })).toEqual(['cache', expect.stringMatching(/needs RESP3/)]);
    expect(() => new ClusterClient({ cache: GOOD, protocol: 3 })).not.toThrow();
    expect(() => new ClusterClient({ cache: undefined })).not.toThrow();
  });
});

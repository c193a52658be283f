import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

interface Programs {
  argumentsOf(program: object, args: readonly string[]): object;
  choiceOf(args: readonly string[]): { servers: readonly string[]; jestArguments: readonly string[] };
}

const program = {
  options: {
    rounds: { type: 'string', default: '5', number: { from: 1, whole: true } },
    hours: { type: 'string', number: { from: 0 } },
    only: { type: 'string', names: ['get', 'set'] },
    quick: { type: 'boolean', default: false },
  },
  names: ['kill', 'freeze'],
};

const load = async (): Promise<Programs> => {
  const script = (name: string): Promise<object> => import(join(root, 'scripts', `${name}.mjs`));
  return { ...(await script('program-arguments')), ...(await script('compat-choice')) } as Programs;
};

describe('the arguments of the programs for developers', () => {
  it('are numbers, lists of known names, and known names', async () => {
    const { argumentsOf } = await load();
    expect(argumentsOf(program, ['--hours', '0.5', '--only=set, get', 'kill'])).toEqual({
      settings: { rounds: 5, hours: 0.5, only: ['set', 'get'], quick: false },
      names: ['kill'],
    });
  });

  it.each([
    [['--round', '1'], "Unknown option '--round'. There are --rounds, --hours, --only, --quick, --help."],
    [['--rounds', '0'], '--rounds takes a whole number, 1 or more, and got "0".'],
    [['--rounds', '1.5'], '--rounds takes a whole number, 1 or more, and got "1.5".'],
    [['--hours', 'abc'], '--hours takes a number, 0 or more, and got "abc".'],
    [['--hours='], '--hours takes a number, 0 or more, and got "".'],
    [['--only', 'get,nonsense'], 'Unknown name for --only: nonsense. There are get, set.'],
    [['kil'], 'Unknown argument: kil. There are kill, freeze.'],
  ])('are refused if they are %j', async (args, message) => {
    const { argumentsOf } = await load();
    expect(() => argumentsOf(program, args)).toThrow(message);
  });

  it('of compat are servers, paths under test/, and options of jest', async () => {
    const { choiceOf } = await load();
    expect(choiceOf(['valkey-8.0', 'test/cluster/pubsub', '-t=words'])).toEqual({
      servers: ['valkey-8.0'],
      jestArguments: ['test/cluster/pubsub', '-t=words'],
    });
    expect(choiceOf(['--bail'])).toEqual({
      servers: ['redis-7.0', 'valkey-8.0', 'redis-8.0'],
      jestArguments: ['test/cluster', 'test/e2e', '--bail'],
    });
    expect(() => choiceOf(['valkey-8.0', 'redis-7.2'])).toThrow(
      'Unknown server: redis-7.2. There are redis-7.0, valkey-8.0, redis-8.0, valkey-9, redis-8.6.',
    );
  });

  it.each([
    ['scripts/compat.mjs', 'misspelt-server', 'Unknown server: misspelt-server.'],
    ['scripts/simulate.mjs', '--sed', "Unknown option '--sed'."],
    ['scripts/simulate.mjs', 'a fault that is not planted', 'Unknown argument: a fault that is not planted.'],
    ['bench/run.mjs', '--only=nonsense', 'Unknown name for --only: nonsense.'],
    ['scripts/start.mjs', '--port=4000', "Unknown option '--port'."],
    ['scripts/docs.mjs', 'pages', 'Unknown argument: pages.'],
    ['scripts/reference.mjs', 'pages', 'Unknown argument: pages.'],
  ])('%s ends with code 2 and its usage at %s', (file, argument, message) => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, file), argument], {
      encoding: 'utf8',
    });
    const [refusal, , usage] = stderr.split('\n');
    expect(refusal.startsWith(message)).toBe(true);
    expect(usage).toMatch(/^(npm (run|start)|node )/);
    expect(status).toBe(2);
  });
});

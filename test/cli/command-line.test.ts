import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { libraryBuilt } from '../built-library.js';
import { Terminal } from '../../lib/cli/common/terminal.js';
import { sharedCluster } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';
import { commandLine, keyslot } from './keyslot-program.js';

const { nodes } = sharedCluster();
const seeds = (): string => nodes.map(({ host, port }) => `${host}:${port}`).join();

describe('the program', () => {
  beforeAll(libraryBuilt);

  it('has a version, and exits with the code of its command', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await keyslot(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await keyslot(['clster'])).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^keyslot: Unknown command clster \(did you mean cluster\?\).*\n.*help\.\n$/,
      ),
    });
  });
});

describe('the command line', () => {
  it('has help', async () => {
    const help = await commandLine(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const commands = [...help.stdout.matchAll(/^ {2}(\w+) {2,}\w/gm)].map(([, name]) => name);
    expect(commands).toEqual(expect.arrayContaining(['cluster', 'slot']));
    for (const command of commands) {
      const { code, stdout } = await commandLine([command, '--help']);
      expect({ command, code }).toEqual({ command, code: 0 });
      expect(stdout).toContain(`keyslot ${command}`);
      expect((await commandLine(['help', command])).stdout).toBe(stdout);
    }
    expect(await commandLine([])).toMatchObject({ code: 2, stdout: help.stdout });
  });

  it.each<[string[], string]>([
    [['clster'], 'Unknown command clster (did you mean cluster?)'],
    [['slot', '--jsn', 'a'], 'Unknown option --jsn (did you mean --json?)'],
    [['slot'], 'Expected KEY…, got nothing'],
    [['cluster', 'now'], 'Expected no arguments, got one argument'],
    [['cluster', '--port'], '--port needs a value: --port N'],
    [['cluster', '--port', '--tls'], '--port needs a value: --port N'],
    [['cluster', '--port', '99999'], '--port must be a whole number from 1 to 55535, got 99999'],
    [['cluster', '--tls=yes'], '--tls takes no value'],
    [['slot', 'a', '--nodes', 'nowhere'], 'Node 1: a node given as text is "host:port"'],
    [['slot', 'a', '--nodes', 'h:1', '--user', 'app'], '--user needs a password in the environment'],
    [['slot', 'a', '--nodes', 'h:1', '--cacert', '/no/file'], '--cacert: /no/file cannot be read (ENOENT)'],
  ])('says what is wrong with %j', async (line, fault) => {
    const { code, stdout, stderr } = await commandLine(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`keyslot: ${fault}`);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('never repeats a password', async () => {
    const attempts = [
      commandLine(['slot', 'key', '--password', 'my-secret']),
      commandLine(['slot', 'key', '--nodes', 'redis://app:my-secret@127.0.0.1:1/9']),
      commandLine(['slot', 'key', '--nodes', `${nodes[0].host}:${nodes[0].port}`, '--user', 'nobody'], {
        KEYSLOT_PASSWORD: 'my-secret',
      }),
    ];
    for (const { code, stdout, stderr } of await Promise.all(attempts)) {
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain('my-secret');
      expect(stderr).toMatch(/^keyslot: \w/);
    }
  });
});

describe('keyslot slot', () => {
  it('shows slots and hash tags, by the rules of the servers', async () => {
    const keys = ['{user:1}:name', 'user:1', '{}x', 'a{b}{c}', '{{x}}', '}{'];
    const tags = ['user:1', '-', '-', 'b', '{x', '-'];
    const { code, stdout } = await commandLine(['slot', ...keys]);
    expect(code).toBe(0);
    const server = new Redis(nodes[0]);
    const slots = await Promise.all(keys.map((key) => server.cluster('KEYSLOT', key)));
    server.disconnect();
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['key', 'hash tag', 'slot'],
      ...keys.map((key, i) => [key, tags[i], String(slots[i])]),
      ['The keys are in 5 slots'],
      [''],
    ]);
  });

  it('finds the owners in a cluster, as JSON too', async () => {
    const line = ['slot', 'key', '--json', '--nodes', seeds()];
    const { code, stdout } = await commandLine(line);
    expect(code).toBe(0);
    const names = nodes.map(({ host, port }) => `${host}:${port}`);
    const [place] = JSON.parse(stdout) as { owner: string }[];
    expect(place).toEqual({ key: 'key', hashTag: null, slot: 12_539, owner: expect.any(String) });
    expect(names).toContain(place.owner);
  });

  it('says that nothing listens', async () => {
    const { code, stderr } = await commandLine(['slot', 'key', '--nodes', '127.0.0.1:1']);
    expect(code).toBe(2);
    expect(stderr).toContain('No usable cluster found from 127.0.0.1:1: Connection to 127.0.0.1:1');
  });
});

describe('colors', () => {
  const shown = (isTTY: boolean, environment: NodeJS.ProcessEnv): string => {
    let text = '';
    const output = { isTTY, write: (more: string) => (text += more) };
    const terminal = new Terminal(output, output, environment);
    terminal.print(terminal.style('red', 'text'));
    return text;
  };

  it('are for terminals only, and NO_COLOR turns them off', () => {
    expect(shown(true, {})).toBe('\x1b[31mtext\x1b[39m\n');
    expect(shown(false, {})).toBe('text\n');
    expect(shown(true, { NO_COLOR: '1' })).toBe('text\n');
    expect(shown(true, { TERM: 'dumb' })).toBe('text\n');
  });
});

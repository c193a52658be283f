import { spawn } from 'node:child_process';
import { root } from './paths.mjs';

/** A program that ended badly; what it wrote is in `output`. */
export class CommandError extends Error {
  constructor(command, code, output) {
    super(`${command} ended with ${code}`);
    this.output = output;
  }
}

/**
 * Runs a program to its end, without input.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal }} [options]
 * @returns {Promise<string>} what it wrote, both streams
 * @throws {CommandError}
 */
export function run(command, args, { cwd = root, env = process.env, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.once('error', (error) => {
      reject(error.name === 'AbortError' ? error : new CommandError(command, error.code, ''));
    });
    child.once('close', (code, ending) => {
      if (code === 0) resolve(output);
      else reject(new CommandError([command, ...args].join(' '), code ?? ending, output));
    });
  });
}

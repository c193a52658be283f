#!/usr/bin/env node
import { runCommandLine } from './command-line.js';
import { Terminal } from './common/terminal.js';

// a reader that wants no more, such as `head`, ends the output without an error
for (const output of [process.stdout, process.stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });

const terminal = new Terminal(process.stdout, process.stderr, process.env);
process.exitCode = await runCommandLine(process.argv.slice(2), { terminal, environment: process.env });

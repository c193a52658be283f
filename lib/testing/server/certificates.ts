import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalClusterError } from '../common/local-cluster-error.js';
import type { CertificateFiles } from './server-config.js';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAYS = '365';
/** Certificates that end sooner are made anew, in ms. */
const SPARE_MS = 7 * 24 * 3_600_000;

/**
 * Returns the certificates of a folder: a certificate authority and one certificate, good for servers and clients, for
 * `localhost` and `host`. Makes them unless they are there, from an earlier start.
 * @throws LocalClusterError `OPENSSL_FAILED`
 */
export async function certificatesIn(folder: string, host: string): Promise<CertificateFiles> {
  const files = {
    ca: join(folder, 'ca.crt'),
    cert: join(folder, 'node.crt'),
    key: join(folder, 'node.key'),
  };
  return (await areValid(files)) ? files : makeCertificates(folder, host);
}

async function areValid(files: CertificateFiles): Promise<boolean> {
  try {
    const { ca, cert } = await readCertificates(files);
    const ends = [ca, cert].map((pem) => Date.parse(new X509Certificate(pem).validTo));
    return Math.min(...ends) > Date.now() + SPARE_MS;
  } catch {
    return false; // not there, or damaged
  }
}

async function makeCertificates(folder: string, host: string): Promise<CertificateFiles> {
  const [ca, caKey, cert, key, request, extensions] = [
    'ca.crt',
    'ca.key',
    'node.crt',
    'node.key',
    'node.csr',
    'node.ext',
  ].map((name) => join(folder, name));
  await writeFile(
    extensions,
    `subjectAltName=DNS:localhost,IP:${host}\nextendedKeyUsage=serverAuth,clientAuth\n`,
  );
  await openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-days',
    DAYS,
    '-subj',
    '/CN=keyslot test CA',
    '-keyout',
    caKey,
    '-out',
    ca,
  );
  await openssl('req', ...NEW_KEY, '-subj', '/CN=localhost', '-keyout', key, '-out', request);
  await openssl(
    ...['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial'],
    ...['-days', DAYS, '-extfile', extensions, '-out', cert],
  );
  return { ca, cert, key };
}

async function openssl(...args: string[]): Promise<void> {
  try {
    await run('openssl', args);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new LocalClusterError(
      'OPENSSL_FAILED',
      missing ? 'The option tls needs the program openssl; install it' : `openssl ${args[0]} failed`,
      { cause },
    );
  }
}

/** The same in memory, for clients: fits the TLS options of `node:tls`. */
export interface CertificatePems {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Reads certificate files. */
export async function readCertificates(files: CertificateFiles): Promise<CertificatePems> {
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.cert, files.key].map((file) => readFile(file, 'utf8')),
  );
  return { ca, cert, key };
}

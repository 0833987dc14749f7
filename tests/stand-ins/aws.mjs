// SPDX-License-Identifier: MIT
/*
 * aws.mjs - a stand-in for AWS: Secrets Manager over TLS, an EC2 instance's metadata (version 2) and
 * a container's credentials over http, as documented; and a control port for the tests.
 *
 *     node aws.mjs --dir DIR --packages PACKAGES [--link]
 *
 * PACKAGES is where `npm ci` put node_modules. Each request's signature is computed again with the
 * signer of AWS's own SDK for JavaScript. DIR gets ca.pem and, when all is ready, ports: those of
 * Secrets Manager, metadata, container and control. --link: the first three at the addresses that
 * they really have (for a network namespace of the test's own). Ends when standard input does.
 *
 * Control: POST /state sets what differs from the defaults below; GET /seen/NAME tells.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: args } = parseArgs({
  options: {
    dir: { type: 'string' },
    packages: { type: 'string' },
    link: { type: 'boolean', default: false },
  },
});
const require = createRequire(path.join(args.packages, 'package.json'));
const { SignatureV4 } = require('@smithy/signature-v4');
const { Sha256 } = require('@aws-crypto/sha256-js');

const defaults = () => ({
  logins: {}, // access key id -> { secret, session, denied, expired }
  secrets: {}, // id -> { stage -> { SecretString } or { SecretBinary }, or { refuse: type } }
  region: 'eu-central-1',
  clock: 0, // seconds that AWS's clock is ahead
  fault: null, // of Secrets Manager: see faulty()
  imds: { role: '', credentials: null, region: '', fault: {} }, // fault: path -> fault
  container: { path: '/v2/credentials/1', authorization: '', credentials: null, fault: null },
});
let state = defaults();
let seen = {};
const imdsTokens = new Set();

const count = (name) => {
  seen[name] = (seen[name] ?? 0) + 1;
};

function answer(res, status, body, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, { 'Content-Length': Buffer.byteLength(text), ...headers });
  res.end(text);
}

/* { status, type, message, body, repeat, headers, hang, drop }: what is answered instead. */
function faulty(res, fault) {
  if (!fault) return false;
  if (fault.hang) return true;
  if (fault.drop) {
    res.socket.destroy();
    return true;
  }
  let body = fault.body ?? '';
  if (fault.type) body = JSON.stringify({ __type: fault.type, [fault.key ?? 'message']: fault.message });
  if (fault.repeat) body = body.repeat(fault.repeat);
  answer(res, fault.status ?? 200, body, fault.headers);
  return true;
}

/* ---- Secrets Manager ---- */

class Refusal extends Error {
  constructor(type, message, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

function parseAuthorization(header) {
  if (!header) throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const match =
    /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (!match)
    throw new Refusal('IncompleteSignatureException', 'Authorization header is not well-formed.');
  const [, keyId, date, region, service, signed, signature] = match;
  return { keyId, date, region, service, signed: signed.split(';'), signature };
}

/* x-amz-date within five minutes (IAM User Guide, "Troubleshoot signature errors"). */
function checkDate(text, authorization) {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
  if (!match) throw new Refusal('IncompleteSignatureException', 'Date must be in ISO-8601.');
  const [, year, month, day, hour, minute, second] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const own = Date.now() + state.clock * 1000;
  if (date.getTime() < own - 300000)
    throw new Refusal('InvalidSignatureException', `Signature expired: ${text} is now earlier than AWS's time (- 5 min.)`);
  if (date.getTime() > own + 300000)
    throw new Refusal('InvalidSignatureException', `Signature not yet current: ${text} is still later than AWS's time (+ 5 min.)`);
  if (authorization.date !== text.slice(0, 8))
    throw new Refusal('InvalidSignatureException', 'Date in Credential scope does not match.');
  return date;
}

/* What AWS wants signed: the host, and each X-Amz- header that is there. */
function checkSigned(req, authorization) {
  const names = Object.keys(req.headers).filter((name) => name.startsWith('x-amz-'));
  for (const name of ['host', 'content-type', 'x-amz-date', 'x-amz-target', ...names])
    if (!authorization.signed.includes(name))
      throw new Refusal('InvalidSignatureException', `The request has a header that is not signed: ${name}`);
}

async function checkSignature(req, body, authorization, login, date) {
  const signer = new SignatureV4({
    credentials: { accessKeyId: authorization.keyId, secretAccessKey: login.secret },
    region: authorization.region,
    service: 'secretsmanager',
    sha256: Sha256,
    applyChecksum: false,
  });
  const headers = {};
  for (const name of authorization.signed) headers[name] = req.headers[name];
  const url = new URL(req.url, 'https://host');
  const expected = await signer.sign(
    {
      method: req.method,
      protocol: 'https:',
      hostname: 'host',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers,
      body,
    },
    { signingDate: date },
  );
  const theirs = Buffer.from(req.headers.authorization);
  const ours = Buffer.from(expected.headers.authorization);
  if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours)) {
    count('bad-signature');
    throw new Refusal(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
}

/* Who asks; throws a Refusal. */
async function authenticate(req, body) {
  const authorization = parseAuthorization(req.headers.authorization);
  Object.assign(seen, {
    'key-id': authorization.keyId,
    region: authorization.region,
    signed: authorization.signed.join(';'),
    host: req.headers.host,
  });
  const login = state.logins[authorization.keyId];
  if (!login || (login.session ?? '') !== (req.headers['x-amz-security-token'] ?? ''))
    throw new Refusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
  if (authorization.region !== state.region || authorization.service !== 'secretsmanager')
    throw new Refusal('InvalidSignatureException', 'Credential should be scoped to a valid region.');
  const date = checkDate(req.headers['x-amz-date'], authorization);
  checkSigned(req, authorization);
  await checkSignature(req, body, authorization, login, date);
  if (login.expired)
    throw new Refusal('ExpiredTokenException', 'The security token included in the request is expired');
  if (login.denied)
    throw new Refusal(
      'AccessDeniedException',
      'User: arn:aws:iam::123456789012:user/thred is not authorized to perform: secretsmanager:GetSecretValue',
    );
}

function secretValue(text) {
  let request;
  try {
    request = JSON.parse(text);
  } catch {
    throw new Refusal('SerializationException', 'The request is no JSON.');
  }
  const { SecretId: id, VersionStage: stage = 'AWSCURRENT' } = request;
  if (typeof id !== 'string' || typeof stage !== 'string' || Object.keys(request).length > 2)
    throw new Refusal('ValidationException', 'SecretId and VersionStage are strings.');
  Object.assign(seen, { id, stages: `${seen.stages ?? ''}${stage};` });
  const secret = state.secrets[id];
  if (!secret) throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  if (!secret[stage])
    throw new Refusal(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
    );
  if (secret[stage].refuse) throw new Refusal(secret[stage].refuse, 'refused');
  return {
    ARN: id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${state.region}:123456789012:secret:${id}-AbCdEf`,
    CreatedDate: 1.523477145713e9,
    Name: id,
    VersionId: 'a1b2c3d4-5678-90ab-cdef-EXAMPLE11111',
    VersionStages: [stage],
    ...secret[stage],
  };
}

async function secretsManager(req, res, body) {
  count('requests');
  const headers = { 'Content-Type': 'application/x-amz-json-1.1' };
  try {
    if (req.method !== 'POST' || req.url !== '/' || req.headers['content-type'] !== 'application/x-amz-json-1.1')
      throw new Refusal('UnknownOperationException', '');
    if (req.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue')
      throw new Refusal('UnknownOperationException', '');
    await authenticate(req, body);
    if (!faulty(res, state.fault)) answer(res, 200, secretValue(body), headers);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    count('refused');
    answer(res, error.status, { __type: error.type, message: error.message }, headers);
  }
}

/* ---- the metadata of an instance, in version 2 ---- */

function metadata(req, res) {
  const roles = '/latest/meta-data/iam/security-credentials/';
  count('imds');
  if (faulty(res, state.imds.fault[req.url])) return;
  if (req.method === 'PUT' && req.url === '/latest/api/token') {
    const ttl = Number(req.headers['x-aws-ec2-metadata-token-ttl-seconds']);
    if (!(ttl >= 1 && ttl <= 21600)) return answer(res, 400, 'Bad Request');
    const token = randomBytes(40).toString('base64');
    imdsTokens.add(token);
    return answer(res, 200, token, { 'X-aws-ec2-metadata-token-ttl-seconds': String(ttl) });
  }
  if (req.method !== 'GET' || !imdsTokens.has(req.headers['x-aws-ec2-metadata-token'])) {
    count('imds-without-token');
    return answer(res, 401, 'Unauthorized');
  }
  if (req.url === roles && state.imds.role) return answer(res, 200, state.imds.role);
  if (req.url === roles + state.imds.role && state.imds.credentials)
    return answer(res, 200, state.imds.credentials);
  if (req.url === '/latest/meta-data/placement/region' && state.imds.region)
    return answer(res, 200, state.imds.region);
  answer(res, 404, 'Not Found');
}

/* ---- the credentials of a container ---- */

function container(req, res) {
  count('container');
  if (faulty(res, state.container.fault)) return;
  if (req.method !== 'GET' || req.url !== state.container.path)
    return answer(res, 404, { code: 'NotFound', message: 'no such credentials' });
  if ((req.headers.authorization ?? '') !== state.container.authorization)
    return answer(res, 401, { code: 'Unauthorized', message: 'not authorized' });
  answer(res, 200, state.container.credentials ?? {});
}

/* ---- control ---- */

function control(req, res, body) {
  if (req.method === 'POST' && req.url === '/state') {
    const change = JSON.parse(body);
    state = defaults();
    for (const [key, value] of Object.entries(change)) {
      if (!(key in state)) return answer(res, 400, `no such thing: ${key}`);
      state[key] = ['imds', 'container'].includes(key) ? { ...state[key], ...value } : value;
    }
    seen = {};
    return answer(res, 200, '');
  }
  if (req.method === 'GET' && req.url.startsWith('/seen/'))
    return answer(res, 200, String(seen[req.url.slice(6)] ?? ''));
  answer(res, 404, '');
}

/* ---- where all that is ---- */

function makeCertificate() {
  const names = ['IP:127.0.0.1', 'DNS:localhost'];
  for (const tail of ['eu-central-1.amazonaws.com', 'cn-north-1.amazonaws.com.cn'])
    names.push(`DNS:secretsmanager.${tail}`);
  const at = (name) => path.join(args.dir, name);
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-keyout', at('key.pem'), '-out', at('ca.pem'), '-subj', '/CN=stand-in for AWS',
    '-addext', `subjectAltName=${names.join(',')}`,
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  return { key: readFileSync(at('key.pem')), cert: readFileSync(at('ca.pem')) };
}

function withBody(handler) {
  return (req, res) => {
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', async () => {
      try {
        await handler(req, res, Buffer.concat(chunks).toString());
      } catch (error) {
        console.error(error);
        res.destroy();
      }
    });
  };
}

const listen = (server, port, host) =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server.address().port));
  });

const tls = https.createServer(makeCertificate(), withBody(secretsManager));
const ports = [
  await listen(tls, args.link ? 443 : 0, '127.0.0.1'),
  await listen(http.createServer(withBody(metadata)), args.link ? 80 : 0, args.link ? '169.254.169.254' : '127.0.0.1'),
  await listen(http.createServer(withBody(container)), args.link ? 80 : 0, args.link ? '169.254.170.2' : '127.0.0.1'),
  await listen(http.createServer(withBody(control)), 0, '127.0.0.1'),
];
writeFileSync(path.join(args.dir, 'ports.new'), `${ports.join(' ')}\n`);
renameSync(path.join(args.dir, 'ports.new'), path.join(args.dir, 'ports'));
process.stdin.resume().on('end', () => process.exit(0));

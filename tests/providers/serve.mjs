// National logins by another author's certified OpenID provider: `node serve.mjs`, what to serve as JSON in PROVIDERS.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const { origin, portalKey, issuers } = JSON.parse(process.env.PROVIDERS);

const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }] };

function signingKey({ slug, algorithm }) {
  const { privateKey } = generateKeyPairSync(...KINDS[algorithm]);
  return { ...privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: slug };
}

function client(issuer) {
  const how = issuer.secret
    ? { token_endpoint_auth_method: 'client_secret_basic', client_secret: issuer.secret }
    : {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [portalKey] },
      };
  return {
    ...how,
    client_id: 'jit-portal',
    redirect_uris: [`${origin}/sign-in/${issuer.slug}/callback`],
    post_logout_redirect_uris: [`${origin}/signed-out`],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    id_token_signed_response_alg: issuer.algorithm,
    ...(issuer.signsUserinfo ? { userinfo_signed_response_alg: issuer.algorithm } : {}),
    backchannel_logout_uri: `${origin}/sign-in/${issuer.slug}/logout`,
    backchannel_logout_session_required: true,
  };
}

function page(inner) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>National login</title><main>${inner}</main></html>`;
}

function asking({ people, acrs }) {
  const buttons = Object.keys(people).map((subject) => `<button name="subject" value="${subject}">${subject}</button>`);
  return page(`<form method="post"><input type="hidden" name="acr" value="${acrs.at(-1)}">${buttons.join(' ')}</form>`);
}

// Its own page asks another host for a font.
function leaving(ctx, form) {
  ctx.body = page(`${form}<button form="op.logoutForm" name="logout" value="yes">Sign out here too</button>`);
}

function configuration(issuer) {
  const words = ['name', 'given_name', 'usual_name', 'email', 'organisation', 'siret'];
  return {
    clients: [client(issuer)],
    jwks: { keys: [signingKey(issuer)] },
    acrValues: issuer.acrs,
    claims: { openid: ['sub'], acr: null, amr: null, auth_time: null, sid: null, iss: null, profile: words },
    scopes: ['openid', 'profile', 'email'],
    enabledJWA: { requestObjectSigningAlgValues: [], clientAuthSigningAlgValues: ['ES256'] },
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: leaving },
      backchannelLogout: { enabled: true },
      jwtUserinfo: { enabled: true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: issuer.requiresPar },
    },
    pkce: { required: () => true },
    // Cookies know no ports, and both issuers are on one host.
    cookies: {
      keys: [issuer.slug],
      names: {
        session: `${issuer.slug}_session`, interaction: `${issuer.slug}_asked`, resume: `${issuer.slug}_resume`,
      },
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...issuer.people[sub] }) }),
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid profile email');
      grant.addOIDCClaims(['acr', 'amr', 'auth_time']);
      await grant.save();
      return grant;
    },
    // Its own dispatcher refuses this very machine, where the portal is.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  };
}

async function form(request) {
  let body = '';
  for await (const piece of request) body += piece;
  return new URLSearchParams(body);
}

async function interact(provider, issuer, request, response) {
  const { params, session } = await provider.interactionDetails(request, response);
  const proved = session && issuer.people[session.accountId].proved;
  const finish = (result) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  if (request.method === 'GET' && proved && !issuer.asksAnew) return finish({ login: proved });
  if (request.method === 'GET') {
    const isBrowser = request.headers.accept.includes('text/html');
    response.setHeader('Content-Type', isBrowser ? 'text/html' : 'application/json');
    return response.end(isBrowser ? asking(issuer) : JSON.stringify(params));
  }
  const said = await form(request);
  const subject = said.get('subject');
  const person = issuer.people[subject];
  if (!person) return finish({ error: 'access_denied' });
  const ts = Math.floor(Date.now() / 1000) - 60 * Number(said.get('minutes_ago') ?? 0);
  person.proved = { accountId: subject, acr: said.get('acr'), amr: ['hwk', 'mfa'], ts };
  person[issuer.saysOffice] = said.get('office') ?? 'P';
  return finish({ login: person.proved });
}

for (const issuer of issuers) {
  const provider = new Provider(issuer.issuer, configuration(issuer));
  for (const event of ['server_error', 'backchannel.error', 'authorization.error', 'grant.error']) {
    provider.on(event, (_, error) => console.log(issuer.slug, event, error.message, error.error_detail ?? ''));
  }
  const answer = provider.callback();
  createServer((request, response) => {
    const asked = request.url.startsWith('/interaction/')
      ? interact(provider, issuer, request, response)
      : answer(request, response);
    asked.catch((error) => {
      console.log(issuer.slug, error);
      response.writeHead(500).end();
    });
  }).listen(new URL(issuer.issuer).port, '127.0.0.1');
}

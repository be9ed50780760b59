/**
 * What is asked of the two hosts: the comment of a request, and which request brought a commit.
 *
 * Rule: only a comment that this token's own account wrote is believed; anybody may write one that looks like it.
 */

/**
 * @typedef {{ id: number, body: string }} Comment
 * @typedef {object} Host
 * @property {number} limit the most characters of a comment
 * @property {number | null} request of this run; null: it runs for a commit
 * @property {string} commit
 * @property {string | null} link to this run
 * @property {(commit: string) => Promise<number | null>} requestOf
 * @property {(request: number, marker: string) => Promise<Comment | null>} find
 * @property {(request: number, known: Comment | null, body: string) => Promise<void>} put
 */

const PAGE = 100;
const PAGES_MAX = 50;
const TRIES = 4;

/** @returns {Host} */
export function hostOf(env, readFile) {
  if (env.GITHUB_ACTIONS === 'true') return github(env, readFile);
  if (env.GITLAB_CI === 'true') return gitlab(env);
  throw new Error('neither GitHub Actions nor GitLab CI set this environment');
}

function github(env, readFile) {
  const { GITHUB_API_URL: api, GITHUB_REPOSITORY: repo, GITHUB_SERVER_URL: server, GITHUB_RUN_ID: run } = env;
  const event = env.GITHUB_EVENT_PATH ? JSON.parse(readFile(env.GITHUB_EVENT_PATH)) : {};
  const call = caller({
    authorization: `Bearer ${required(env, 'GITHUB_TOKEN')}`,
    accept: 'application/vnd.github+json',
  });
  const base = `${api}/repos/${repo}`;
  const author = env.OTTER_CI_AUTHOR || 'github-actions[bot]';
  return {
    // 65,536 characters; the server counts some of them twice.
    limit: 60_000,
    request: event.pull_request?.number ?? null,
    // On a pull request GITHUB_SHA is that of a merge that is made for the run.
    commit: event.pull_request?.head?.sha ?? env.GITHUB_SHA,
    link: run === undefined ? null : `${server}/${repo}/actions/runs/${run}`,
    requestOf: async (commit) => {
      const pulls = await call('GET', `${base}/commits/${commit}/pulls`);
      return pulls.find(({ merged_at }) => merged_at !== null)?.number ?? null;
    },
    find: (request, marker) =>
      search(
        (page) => call('GET', `${base}/issues/${request}/comments?per_page=${PAGE}&page=${page}`),
        ({ body, user }) => user?.login === author && (body ?? '').startsWith(marker),
      ),
    put: async (request, known, body) => {
      if (known === null) await call('POST', `${base}/issues/${request}/comments`, { body });
      else await call('PATCH', `${base}/issues/comments/${known.id}`, { body });
    },
  };
}

function gitlab(env) {
  const { CI_API_V4_URL: api, CI_PROJECT_ID: project, CI_MERGE_REQUEST_IID: request } = env;
  const call = caller({ 'private-token': required(env, 'OTTER_GITLAB_TOKEN') });
  const base = `${api}/projects/${project}`;
  let self = null;
  return {
    limit: 900_000,
    request: request === undefined ? null : Number(request),
    commit: env.CI_COMMIT_SHA,
    link: env.CI_JOB_URL ?? null,
    requestOf: async (commit) => {
      const found = await call('GET', `${base}/repository/commits/${commit}/merge_requests`);
      return found.find(({ state }) => state === 'merged')?.iid ?? null;
    },
    find: async (iid, marker) => {
      self ??= (await call('GET', `${api}/user`)).id;
      return search(
        (page) => call('GET', `${base}/merge_requests/${iid}/notes?per_page=${PAGE}&page=${page}`),
        ({ body, author }) => author?.id === self && (body ?? '').startsWith(marker),
      );
    },
    put: async (iid, known, body) => {
      const notes = `${base}/merge_requests/${iid}/notes`;
      if (known === null) await call('POST', notes, { body });
      else await call('PUT', `${notes}/${known.id}`, { body });
    },
  };
}

async function search(list, isIt) {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const some = await list(page);
    const found = some.find(isIt);
    if (found !== undefined) return { id: found.id, body: found.body };
    if (some.length < PAGE) return null;
  }
  return null;
}

/** Tries again what may pass; says the address and the status, never a header or a body. */
function caller(headers) {
  return async (method, url, body) => {
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(url, {
        method,
        headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'otter-ci' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      }).catch((error) => ({ ok: false, status: 0, statusText: error.name, headers: new Headers() }));
      if (response.ok) return response.json();
      // A comment that may have been written is not written twice: it is looked for and changed by the next run.
      const mayPass =
        response.status === 429 || (method !== 'POST' && (response.status === 0 || response.status >= 500));
      if (!mayPass || attempt >= TRIES) {
        throw new Error(`${method} ${url.split('?')[0]}: ${response.status} ${response.statusText}`);
      }
      const seconds = Math.min(Number(response.headers.get('retry-after') ?? 2 ** attempt / 4) || 1, 60);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  };
}

function required(env, name) {
  if ((env[name] ?? '') !== '') return env[name];
  throw new Error(`${name} is not set`);
}

// Uses the types that openapi-typescript makes of the API's document, through
// openapi-fetch: it lists, checks and syncs an integration, and reads an error.
import createClient from "openapi-fetch";

import type { paths } from "./api.js";

declare const process: { argv: string[] };

const [api, token, organisation, integration] = process.argv.slice(2);
if (!api || !token || !organisation || !integration) {
  throw new Error("usage: main API TOKEN ORGANISATION INTEGRATION");
}

const client = createClient<paths>({ baseUrl: api, headers: { Authorization: `Bearer ${token}` } });
const of = { path: { "integration.id": integration } };

const list = await client.GET("/organisations/{organisation.id}/integrations", {
  params: { path: { "organisation.id": organisation } },
});
const first: string | undefined = list.data?.items[0]?.configuration;
if (typeof JSON.parse(first ?? "null") !== "object" || !first) {
  throw new Error(`list: ${list.response.status}`);
}

const check = await client.POST("/integrations/{integration.id}/check", { params: of, body: {} });
if (check.data?.ok !== true) {
  throw new Error(`check: ${check.response.status}`);
}

const started = await client.POST("/integrations/{integration.id}/sync", { params: of, body: {} });
if (!started.data) {
  throw new Error(`sync: ${started.response.status}`);
}

for (const end = Date.now() + 60_000; ; ) {
  const { data, response } = await client.GET("/integrations/{integration.id}/syncs/{sync.id}", {
    params: { path: { ...of.path, "sync.id": started.data.id } },
  });
  if (data?.status === "succeeded") {
    break;
  }
  if (!data || data.finished_at || Date.now() > end) {
    throw new Error(`sync: ${response.status} ${data?.status}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
}

const items = await client.GET("/integrations/{integration.id}/items", { params: of });
if (!items.data?.items.length) {
  throw new Error(`items: ${items.response.status}`);
}
console.log("items:", items.data.items.length);

const unknown = await client.GET("/integrations/{integration.id}", { params: { path: { "integration.id": "1" } } });
if (!unknown.error || !("code" in unknown.error)) {
  throw new Error(`unknown integration: ${unknown.response.status}`);
}
console.log("problem:", unknown.error.code, unknown.error.type);

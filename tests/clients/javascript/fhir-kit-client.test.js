// A whole session of fhir-kit-client. https://vermonster.github.io/fhir-kit-client/

import assert from "node:assert/strict";
import { test } from "node:test";

import Client from "fhir-kit-client";

import {
  FHIR_BASE,
  FHIR_PATIENT,
  FHIR_TOKEN,
  HEART_RATE,
  LOINC,
  OTHER_PATIENT,
  bundle,
  conditionWithGoal,
  goal,
  heartRate,
  ids,
  included,
  matches,
  numbered,
  posted,
} from "./resources.js";

const client = new Client({ baseUrl: FHIR_BASE, bearerToken: FHIR_TOKEN });
const patient = { resourceType: "Patient", id: FHIR_PATIENT };
const DAY = "2026-11-22";

const create = (body, options) => client.create({ resourceType: body.resourceType, body, options });
const header = (answer, name) => Client.httpFor(answer).response.headers.get(name);
const status = (answer) => Client.httpFor(answer).response.status;

/** What a refusal says: the client rejects with the status and the OperationOutcome. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error.response, error);
    const { status, data } = error.response;
    assert.equal(data.resourceType, "OperationOutcome");
    assert.ok(data.issue[0].diagnostics);
    return { status, code: data.issue[0].code, issues: data.issue };
  }
  return assert.fail("it was not refused");
}

async function everyPage(first) {
  const pages = [];
  for (let page = first; page; page = await client.nextPage({ bundle: page })) {
    pages.push(page);
  }
  return pages;
}

test("the capability statement says what is offered, to anybody", async () => {
  const anonymous = new Client({ baseUrl: FHIR_BASE });
  const statement = await anonymous.capabilityStatement();
  assert.equal(statement.fhirVersion, "4.0.1");
  const tool = new Client.CapabilityTool(statement);
  const withGoal = ["create", "read", "vread", "update", "patch", "delete", "history-instance", "history-type"];
  assert.deepEqual(withGoal.filter((each) => !tool.resourceCan("Goal", each)), []);
  const withAll = ["transaction", "batch", "search-system", "history-system"];
  assert.deepEqual(withAll.filter((each) => !tool.serverCan(each)), []);
  assert.ok(tool.resourceSearch("Goal", "lifecycle-status"));
  assert.ok(!tool.resourceSearch("Goal", "kleur"));
});

test("a resource is created, read, changed, patched and deleted", async () => {
  const made = await create(goal("Elke dag wandelen"));
  const { id } = made;
  const named = { resourceType: "Goal", id };
  assert.equal(made.meta.versionId, "1");
  assert.equal(header(made, "location"), `${FHIR_BASE}/Goal/${id}/_history/1`);
  assert.equal(header(made, "etag"), 'W/"1"');
  assert.deepEqual(await client.read(named), made);

  const body = { ...made, lifecycleStatus: "accepted" };
  const changed = await client.update({ ...named, body, options: { headers: { "If-Match": 'W/"1"' } } });
  assert.equal(changed.meta.versionId, "2");
  const stale = client.update({ ...named, body, options: { headers: { "If-Match": 'W/"1"' } } });
  assert.equal((await refusal(stale)).status, 412);

  const JSONPatch = [
    { op: "test", path: "/lifecycleStatus", value: "accepted" },
    { op: "replace", path: "/lifecycleStatus", value: "active" },
    { op: "add", path: "/note", value: [{ text: "Na het eten." }] },
  ];
  const patched = await client.patch({ ...named, JSONPatch });
  assert.deepEqual([patched.lifecycleStatus, patched.meta.versionId], ["active", "3"]);
  assert.equal((await refusal(client.patch({ ...named, JSONPatch }))).status, 422);

  assert.equal((await client.vread({ ...named, version: "1" })).lifecycleStatus, "proposed");
  const deleted = await client.delete(named);
  assert.equal(status(deleted), 204);
  assert.deepEqual(await refusal(client.read(named)).then((said) => [said.status, said.code]), [410, "deleted"]);
  assert.equal((await client.vread({ ...named, version: "3" })).note[0].text, "Na het eten.");
});

test("the history of a resource, a type and the whole record", async () => {
  const made = await create(goal("Minder zout"));
  await client.update({ resourceType: "Goal", id: made.id, body: { ...made, lifecycleStatus: "active" } });
  await client.delete({ resourceType: "Goal", id: made.id });
  const own = await client.resourceHistory({ resourceType: "Goal", id: made.id });
  assert.equal(own.type, "history");
  assert.deepEqual(own.entry.map((each) => each.request.method), ["DELETE", "PUT", "POST"]);
  assert.deepEqual(own.entry.map((each) => each.response.status.slice(0, 3)), ["204", "200", "201"]);

  const ofType = await client.typeHistory({ resourceType: "Goal" });
  assert.deepEqual(ofType.entry.slice(0, 3), own.entry);
  const ofAll = await client.systemHistory();
  assert.deepEqual(ofAll.entry.slice(0, 3), own.entry);
  const names = (await everyPage(ofAll)).flatMap((page) => page.entry.map((each) => each.fullUrl));
  const types = new Set(names.map((each) => each.split("/").at(-2)));
  assert.ok(types.has("Patient") && types.has("Observation"), [...types].join());
});

test("conditional create, update and nothing twice", async () => {
  const [resource, searchParams] = numbered(heartRate(DAY, 1), "kit-1");
  const options = { headers: { "If-None-Exist": new URLSearchParams(searchParams).toString() } };
  const first = await create(resource, options);
  const again = await create(resource, options);
  assert.deepEqual([status(first), status(again), again.id], [201, 200, first.id]);

  const body = { ...resource, status: "amended" };
  const updated = await client.update({ resourceType: "Observation", searchParams, body });
  assert.deepEqual([updated.id, updated.meta.versionId, updated.status], [first.id, "2", "amended"]);
  const [other, elsewhere] = numbered(heartRate(DAY, 2), "kit-2");
  const made = await client.update({ resourceType: "Observation", searchParams: elsewhere, body: other });
  assert.equal(status(made), 201);

  const search = new URLSearchParams(searchParams);
  const gone = await client.request(`Observation?${search}`, { method: "DELETE" });
  assert.equal(status(gone), 204);
  assert.equal((await refusal(client.read({ resourceType: "Observation", id: first.id }))).status, 410);
});

test("a search is paged to its end, by GET and by POST", async () => {
  const day = "2026-11-21";
  const entries = [...Array(25).keys()].map((minute) => posted(heartRate(day, minute)));
  const answer = await client.transaction({ body: bundle("transaction", ...entries) });
  assert.deepEqual(new Set(answer.entry.map((each) => each.response.status)), new Set(["201 Created"]));

  const searchParams = { code: `${LOINC}|${HEART_RATE}`, date: day, _sort: "-date", _count: 10, _total: "accurate" };
  for (const postSearch of [false, true]) {
    const first = await client.resourceSearch({ resourceType: "Observation", searchParams, options: { postSearch } });
    assert.equal(first.total, 25);
    const pages = await everyPage(first);
    assert.deepEqual(pages.map((page) => page.entry.length), [10, 10, 5]);
    const values = pages.flatMap((page) => matches(page).map((each) => each.valueQuantity.value));
    assert.deepEqual(values, [...Array(25).keys()].map((minute) => 84 - minute));
  }
  const counted = await client.search({ resourceType: "Observation", searchParams: { ...searchParams, _count: 0 } });
  assert.deepEqual([counted.total, counted.entry], [25, undefined]);
});

test("a search of the compartment and of several types", async () => {
  const own = await client.compartmentSearch({ resourceType: "CarePlan", compartment: patient });
  const all = await client.search({ resourceType: "CarePlan", searchParams: { subject: `Patient/${FHIR_PATIENT}` } });
  assert.ok(matches(own).length > 0);
  assert.deepEqual(ids(matches(own)), ids(matches(all)));
  const options = { postSearch: true };
  const byPost = await client.compartmentSearch({ resourceType: "CarePlan", compartment: patient, options });
  assert.deepEqual(matches(byPost), matches(own));

  const searchParams = { _type: "CarePlan,CareTeam" };
  // By POST only: by GET the client asks of an address that FHIR does not have, [base]/_search.
  const several = await client.systemSearch({ searchParams, options });
  assert.deepEqual(new Set(matches(several).map((each) => each.resourceType)), new Set(["CarePlan", "CareTeam"]));
});

test("what a plan refers to and what refers to it come along", async () => {
  const searchParams = { _include: ["CarePlan:goal", "CarePlan:care-team"] };
  const found = await client.search({ resourceType: "CarePlan", searchParams });
  const [plan] = matches(found);
  const referred = [...plan.goal, ...plan.careTeam].map((each) => each.reference);
  assert.deepEqual(included(found).map((each) => `${each.resourceType}/${each.id}`).sort(), referred.sort());
  const resolved = await client.resolve({ reference: plan.goal[0].reference, context: found });
  assert.equal(resolved.resourceType, "Goal");

  const goals = await client.search({ resourceType: "Goal", searchParams: { _revinclude: "CarePlan:goal" } });
  assert.deepEqual(ids(included(goals)), [plan.id]);
});

test("chains, _has, several keys and modifiers", async () => {
  const byGoal = { "goal.lifecycle-status": "active", "subject:Patient.birthdate": "lt2020" };
  const plans = await client.search({ resourceType: "CarePlan", searchParams: byGoal });
  assert.ok(matches(plans).length > 0);
  const has = { "_has:CarePlan:goal:status": "active", _sort: "start-date,-_lastUpdated" };
  const goals = await client.search({ resourceType: "Goal", searchParams: has });
  assert.deepEqual(ids(matches(goals)), matches(plans)[0].goal.map((each) => each.reference.slice(5)).sort());
  const not = { "code:not": `${LOINC}|${HEART_RATE}`, _summary: "count" };
  const others = await client.search({ resourceType: "Observation", searchParams: not });
  assert.ok(others.total > 0);
});

test("a transaction resolves what its entries call each other", async () => {
  const answer = await client.transaction({ body: bundle("transaction", ...conditionWithGoal()) });
  assert.equal(answer.type, "transaction-response");
  const [condition, made] = answer.entry.map((each) => each.response.location.split("/_history/")[0]);
  const read = await client.read({ resourceType: "Goal", id: made.split("/").at(-1) });
  assert.equal(read.addresses[0].reference, condition.slice(condition.indexOf("Condition/")));
});

test("a transaction with one mistake stores nothing", async () => {
  const [resource, searchParams] = numbered(heartRate(DAY, 3), "kit-3");
  const body = bundle("transaction", posted(resource), posted({ ...heartRate(DAY, 4), status: "klaar" }));
  const said = await refusal(client.transaction({ body }));
  assert.equal(said.status, 422);
  assert.match(said.issues[0].expression[0], /^Bundle\.entry\[1\]/);
  const found = await client.search({ resourceType: "Observation", searchParams });
  assert.deepEqual(matches(found), []);
});

test("a batch answers each entry for itself", async () => {
  const asked = [`Patient/${FHIR_PATIENT}`, `Patient/${OTHER_PATIENT}`, "CarePlan?status=active"];
  const entries = asked.map((url) => ({ request: { method: "GET", url } }));
  const answer = await client.batch({ body: bundle("batch", ...entries, posted(goal("Vroeger naar bed"))) });
  assert.equal(answer.type, "batch-response");
  assert.deepEqual(answer.entry.map((each) => each.response.status.slice(0, 3)), ["200", "404", "200", "201"]);
  assert.equal(answer.entry[1].response.outcome.resourceType, "OperationOutcome");
  assert.equal(answer.entry[2].resource.type, "searchset");
});

test("the whole record comes in pages", async () => {
  const options = { ...patient, name: "everything", method: "GET", input: { _count: 50 } };
  const pages = await everyPage(await client.operation(options));
  assert.ok(pages.length > 1);
  const resources = pages.flatMap((page) => page.entry.map((each) => each.resource));
  const types = new Set(resources.map((each) => each.resourceType));
  assert.deepEqual(["CarePlan", "Goal", "Observation", "Patient"].filter((each) => !types.has(each)), []);
  const names = resources.map((each) => `${each.resourceType}/${each.id}`);
  assert.equal(new Set(names).size, names.length);
});

test("a resource is validated before it is sent", async () => {
  const good = await client.operation({ name: "validate", resourceType: "Goal", input: goal("Zwemmen") });
  assert.deepEqual(good.issue.filter((each) => each.severity === "error"), []);
  const resource = goal("Zwemmen", { lifecycleStatus: "ooit" });
  const input = { resourceType: "Parameters", parameter: [{ name: "resource", resource }] };
  const bad = await client.operation({ name: "validate", resourceType: "Goal", input });
  assert.deepEqual(bad.issue.map((each) => [each.severity, each.expression[0]]), [["error", "Goal.lifecycleStatus"]]);
});

test("the last of each kind of measurement", async () => {
  await create(heartRate("2026-11-23", 5));
  await create(heartRate("2026-11-23", 6));
  const input = { max: 1, category: "vital-signs", patient: FHIR_PATIENT };
  const last = await client.operation({ name: "lastn", resourceType: "Observation", method: "GET", input });
  const rates = matches(last).filter((each) => each.code.coding[0].code === HEART_RATE);
  assert.deepEqual(rates.map((each) => each.valueQuantity.value), [66]);
});

test("a document goes up and down as a resource", async () => {
  const data = Buffer.from("Een foto van mijn bord.").toString("base64");
  const securityContext = { reference: `Patient/${FHIR_PATIENT}` };
  const made = await create({ resourceType: "Binary", contentType: "text/plain", data, securityContext });
  const read = await client.read({ resourceType: "Binary", id: made.id });
  assert.deepEqual([read.contentType, read.data], ["text/plain", data]);
});

test("another patient is as absent as nobody, and the anonymous see nothing", async () => {
  const other = await refusal(client.read({ resourceType: "Patient", id: OTHER_PATIENT }));
  const nobody = await refusal(client.read({ resourceType: "Patient", id: "niemand" }));
  assert.deepEqual([other.status, other.code], [404, "not-found"]);
  assert.deepEqual({ ...other, issues: [] }, { ...nobody, issues: [] });
  const anonymous = new Client({ baseUrl: FHIR_BASE });
  assert.equal((await refusal(anonymous.read(patient))).status, 401);
});

test("what is not valid is refused with its place", async () => {
  const said = await refusal(create(goal("Fietsen", { lifecycleStatus: "ooit" })));
  assert.equal(said.status, 422);
  assert.deepEqual(said.issues.map((each) => each.expression), [["Goal.lifecycleStatus"]]);
  const search = await refusal(client.search({ resourceType: "Goal", searchParams: { kleur: "groen" } }));
  assert.equal(search.status, 400);
  assert.match(search.issues[0].diagnostics, /kleur/);
});

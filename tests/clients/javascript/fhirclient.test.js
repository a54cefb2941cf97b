// A whole session of fhirclient, SMART Health IT's client, on Node.js. https://docs.smarthealthit.org/client-js/

import assert from "node:assert/strict";
import { test } from "node:test";

import FHIR from "fhirclient";

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

/** Where the client keeps what it knows between requests; this session is one process. */
const storage = { get: async () => undefined, set: async (_, value) => value, unset: async () => false };
const connected = (tokenResponse) => FHIR({}, {}, storage).client({ serverUrl: FHIR_BASE, tokenResponse });
const client = connected({ access_token: FHIR_TOKEN, patient: FHIR_PATIENT });
const DAY = "2026-11-22";

const query = (type, parameters) => `${type}?${new URLSearchParams(parameters)}`;
const FHIR_JSON = { "Content-Type": "application/fhir+json" };
const send = (method, url, body) => client.request({ url, method, body: JSON.stringify(body), headers: FHIR_JSON });

/** What a refusal says: the client rejects with the status, and has read the OperationOutcome into its message. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.name, "HttpError", error.stack);
    assert.match(error.message, /"resourceType": "OperationOutcome"/);
    const outcome = JSON.parse(error.message.slice(error.message.indexOf("\n\n{"), error.message.lastIndexOf("}") + 1));
    return { status: error.status, issues: outcome.issue };
  }
  return assert.fail("it was not refused");
}

test("the capability statement says which FHIR this is, and whose searches a patient's are", async () => {
  assert.equal(await client.getFhirVersion(), "4.0.1");
  assert.equal(await client.getFhirRelease(), 4);
  const mine = await client.patient.request("CarePlan", { flat: true });
  assert.ok(mine.length > 0);
  assert.deepEqual(new Set(mine.map((each) => each.subject.reference)), new Set([`Patient/${FHIR_PATIENT}`]));
});

test("the patient is read", async () => {
  const patient = await client.patient.read();
  assert.deepEqual([patient.resourceType, patient.id], ["Patient", FHIR_PATIENT]);
  assert.ok(client.getPath(patient, "name.0.family"));
});

test("a resource is created, read, changed, patched and deleted", async () => {
  const { body: made, response } = await client.create(goal("Elke dag wandelen"), { includeResponse: true });
  const address = `Goal/${made.id}`;
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("location"), `${FHIR_BASE}/${address}/_history/1`);
  assert.deepEqual([made.meta.versionId, response.headers.get("etag")], ["1", 'W/"1"']);
  assert.deepEqual(await client.request(address), made);

  const careful = { headers: { "If-Match": 'W/"1"' } };
  const changed = await client.update({ ...made, lifecycleStatus: "accepted" }, careful);
  assert.deepEqual([changed.meta.versionId, changed.lifecycleStatus], ["2", "accepted"]);
  assert.equal((await refusal(client.update({ ...made, lifecycleStatus: "rejected" }, careful))).status, 412);

  const steps = [
    { op: "test", path: "/lifecycleStatus", value: "accepted" },
    { op: "replace", path: "/lifecycleStatus", value: "active" },
  ];
  const patched = await client.patch(address, steps);
  assert.deepEqual([patched.meta.versionId, patched.lifecycleStatus], ["3", "active"]);
  assert.equal((await refusal(client.patch(address, steps))).status, 422);

  assert.equal((await client.request(`${address}/_history/1`)).lifecycleStatus, "proposed");
  assert.equal((await client.delete(address)).status, 204);
  assert.equal((await refusal(client.request(address))).status, 410);
  const history = await client.request(`${address}/_history`);
  assert.deepEqual(history.entry.map((each) => each.request.method), ["DELETE", "PUT", "PUT", "POST"]);
});

test("a create that wants nothing back is read from where it went", async () => {
  const made = await client.create(goal("Water drinken"), { headers: { Prefer: "return=minimal" } });
  assert.equal(made.description.text, "Water drinken");
});

test("the history of a type and of the whole record", async () => {
  const made = await client.create(goal("Minder zout"));
  for (const url of ["Goal/_history", "_history"]) {
    const history = await client.request(`${url}?_count=1`);
    assert.equal(history.type, "history");
    assert.equal(history.entry[0].resource.id, made.id);
  }
  const entries = await client.request("_history?_count=60", { pageLimit: 0, flat: true });
  assert.ok(entries.length > 60);
});

test("conditional create, update, patch and delete", async () => {
  const [resource, search] = numbered(heartRate(DAY, 1), "smart-1");
  const options = { headers: { "If-None-Exist": new URLSearchParams(search).toString() }, includeResponse: true };
  const first = await client.create(resource, options);
  const again = await client.create(resource, options);
  assert.deepEqual([first.response.status, again.response.status, again.body.id], [201, 200, first.body.id]);

  const url = query("Observation", search);
  const updated = await send("PUT", url, { ...resource, status: "amended" });
  assert.deepEqual([updated.id, updated.meta.versionId], [first.body.id, "2"]);
  const patched = await client.patch(url, [{ op: "replace", path: "/status", value: "corrected" }]);
  assert.deepEqual([patched.id, patched.status], [first.body.id, "corrected"]);
  assert.equal((await client.delete(url)).status, 204);
  assert.equal((await refusal(client.request(`Observation/${first.body.id}`))).status, 410);
});

test("a search is paged to its end", async () => {
  const day = "2026-11-21";
  const entries = [...Array(25).keys()].map((minute) => posted(heartRate(day, minute)));
  const answer = await send("POST", "/", bundle("transaction", ...entries));
  assert.equal(answer.entry.length, 25);
  const url = query("Observation", { code: `${LOINC}|${HEART_RATE}`, date: day, _sort: "-date", _count: 10 });
  const every = await client.request(url, { pageLimit: 0, flat: true });
  assert.deepEqual(every.map((each) => each.valueQuantity.value), [...Array(25).keys()].map((minute) => 84 - minute));
  const two = await client.request(url, { pageLimit: 2 });
  assert.deepEqual(two.map((page) => page.entry.length), [10, 10]);

  const walked = [];
  for await (const each of client.resources(url)) {
    walked.push(each.id);
  }
  assert.deepEqual(walked, every.map((each) => each.id));
  assert.equal((await client.request(`${url}&_total=accurate`)).total, 25);
  assert.equal((await client.request(`${url}&_summary=count`)).total, 25);
  const body = new URLSearchParams({ date: day, _count: "5", _total: "accurate" }).toString();
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const posting = await client.request({ url: "Observation/_search", method: "POST", body, headers });
  assert.deepEqual([posting.total, posting.entry.length], [25, 5]);
});

test("references are resolved, in place and aside", async () => {
  const resolveReferences = ["subject", "careTeam", "goal"];
  const [plan] = await client.patient.request("CarePlan", { flat: true, resolveReferences });
  assert.equal(plan.subject.id, FHIR_PATIENT);
  assert.deepEqual(new Set(plan.goal.map((each) => each.resourceType)), new Set(["Goal"]));
  const aside = await client.patient.request("CarePlan", { resolveReferences: "subject", graph: false });
  assert.deepEqual(Object.keys(aside.references), [`Patient/${FHIR_PATIENT}`]);
});

test("what a plan refers to and what refers to it come along; chains and _has find them", async () => {
  const found = await client.request("CarePlan?_include=CarePlan:goal");
  const [plan] = matches(found);
  const goals = plan.goal.map((each) => each.reference.slice("Goal/".length)).sort();
  assert.deepEqual(ids(included(found)), goals);
  const backwards = await client.request("Goal?_revinclude=CarePlan:goal");
  assert.deepEqual(ids(included(backwards)), [plan.id]);
  const has = await client.request(`Goal?_has:CarePlan:goal:_id=${plan.id}`, { flat: true });
  assert.deepEqual(ids(has), goals);
  const chained = await client.request(`CarePlan?goal:Goal._id=${goals[0]}`, { flat: true });
  assert.deepEqual(ids(chained), [plan.id]);
});

test("a transaction resolves what its entries call each other", async () => {
  const answer = await send("POST", "/", bundle("transaction", ...conditionWithGoal()));
  const [condition, made] = answer.entry.map((each) => each.response.location.split("/_history/")[0]);
  const read = await client.request(made);
  assert.ok(condition.endsWith(read.addresses[0].reference), `${condition} is not ${read.addresses[0].reference}`);
});

test("a transaction with one mistake stores nothing", async () => {
  const [resource, search] = numbered(heartRate(DAY, 3), "smart-3");
  const wrong = { ...heartRate(DAY, 4), status: "klaar" };
  const said = await refusal(send("POST", "/", bundle("transaction", posted(resource), posted(wrong))));
  assert.equal(said.status, 422);
  assert.match(said.issues[0].expression[0], /^Bundle\.entry\[1\]/);
  assert.deepEqual(await client.request(query("Observation", search), { flat: true }), []);
});

test("a batch answers each entry for itself", async () => {
  const asked = [`Patient/${FHIR_PATIENT}`, `Patient/${OTHER_PATIENT}`, "Goal?_count=1"];
  const answer = await send("POST", "/", bundle("batch", ...asked.map((url) => ({ request: { method: "GET", url } }))));
  assert.deepEqual(answer.entry.map((each) => each.response.status.slice(0, 3)), ["200", "404", "200"]);
});

test("the whole record comes in pages", async () => {
  const record = await client.request(`Patient/${FHIR_PATIENT}/$everything?_count=50`, { pageLimit: 0, flat: true });
  const names = record.map((each) => `${each.resourceType}/${each.id}`);
  assert.ok(names.length > 50);
  assert.equal(new Set(names).size, names.length);
  const types = new Set(record.map((each) => each.resourceType));
  assert.deepEqual(["CarePlan", "Goal", "Observation", "Patient"].filter((each) => !types.has(each)), []);
});

test("a resource is validated before it is sent", async () => {
  const parameters = (resource) => ({ resourceType: "Parameters", parameter: [{ name: "resource", resource }] });
  const validate = (resource) => send("POST", "Goal/$validate", parameters(resource));
  const errors = (outcome) => outcome.issue.filter((each) => each.severity === "error");
  assert.deepEqual(errors(await validate(goal("Zwemmen"))), []);
  const [issue] = errors(await validate(goal("Zwemmen", { lifecycleStatus: "ooit" })));
  assert.deepEqual(issue.expression, ["Goal.lifecycleStatus"]);
});

test("the last of each kind of measurement", async () => {
  await client.create(heartRate("2026-11-23", 5));
  await client.create(heartRate("2026-11-23", 6));
  const url = query("Observation/$lastn", { max: 1, category: "vital-signs", patient: FHIR_PATIENT });
  const last = matches(await client.request(url));
  const byCode = client.byCode(last, "code");
  assert.deepEqual(byCode[HEART_RATE].map((each) => each.valueQuantity.value), [66]);
});

test("a document goes up and comes down as itself", async () => {
  const headers = { "Content-Type": "text/plain", "X-Security-Context": `Patient/${FHIR_PATIENT}` };
  const body = "Een foto van mijn bord.";
  const { response } = await client.request({ url: "Binary", method: "POST", body, headers, includeResponse: true });
  assert.equal(response.status, 201);
  const url = response.headers.get("location").split("/_history/")[0];
  assert.equal(await client.request({ url, headers: { Accept: "text/plain" } }), body);
  const resource = await client.request({ url, headers: { Accept: "application/fhir+json" } });
  assert.equal(Buffer.from(resource.data, "base64").toString(), body);
});

test("the same resource comes as XML", async () => {
  const url = `Patient/${FHIR_PATIENT}`;
  const answer = await client.request({ url, headers: { Accept: "application/fhir+xml" }, includeResponse: true });
  assert.match(answer.response.headers.get("content-type"), /^application\/fhir\+xml/);
  const text = await answer.response.text();
  assert.ok(text.includes(`<Patient xmlns="http://hl7.org/fhir"><id value="${FHIR_PATIENT}"/>`), text.slice(0, 200));
});

test("another patient is as absent as nobody", async () => {
  const other = await refusal(client.request(`Patient/${OTHER_PATIENT}`));
  const nobody = await refusal(client.request("Patient/niemand"));
  assert.deepEqual([other.status, other.issues[0].code], [404, "not-found"]);
  assert.deepEqual([nobody.status, nobody.issues[0].code], [404, "not-found"]);
});

test("without a token nothing is shown", async () => {
  const missing = await refusal(connected(undefined).request(`Patient/${FHIR_PATIENT}`));
  const wrong = await refusal(connected({ access_token: "demo-nobody" }).request(`Patient/${FHIR_PATIENT}`));
  assert.deepEqual([missing.status, wrong.status], [401, 401]);
});

test("what is not valid is refused with its place", async () => {
  const said = await refusal(client.create(goal("Fietsen", { lifecycleStatus: "ooit" })));
  assert.equal(said.status, 422);
  assert.deepEqual(said.issues.map((each) => each.expression), [["Goal.lifecycleStatus"]]);
  const search = await refusal(client.request("Goal?kleur=groen"));
  assert.equal(search.status, 400);
  assert.match(search.issues[0].diagnostics, /kleur/);
});

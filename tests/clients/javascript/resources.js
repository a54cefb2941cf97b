// What the sessions write, and where they write it.
// The patient is made up; see the demo of `zelfregie serve --sandbox`.

export const { FHIR_BASE, FHIR_PATIENT, FHIR_TOKEN } = process.env;
export const OTHER_PATIENT = "anna-proefstra";
export const LOINC = "http://loinc.org";
export const HEART_RATE = "8867-4";

const DEVICE = "https://zelfregie.example/fhir/NamingSystem/watch";
const subject = { reference: `Patient/${FHIR_PATIENT}` };

/** A heart rate; `minute` makes each another one, of `day`. */
export function heartRate(day, minute) {
  return {
    resourceType: "Observation",
    status: "final",
    category: [
      { coding: [{ system: "http://terminology.hl7.org/CodeSystem/observation-category", code: "vital-signs" }] },
    ],
    code: { coding: [{ system: LOINC, code: HEART_RATE }] },
    subject,
    effectiveDateTime: `${day}T08:${String(minute).padStart(2, "0")}:00+01:00`,
    valueQuantity: { value: 60 + minute, unit: "/min", system: "http://unitsofmeasure.org", code: "/min" },
  };
}

/** The same under the number that the device gave it, and the search that finds it by that number. */
export function numbered(resource, number) {
  return [{ ...resource, identifier: [{ system: DEVICE, value: number }] }, { identifier: `${DEVICE}|${number}` }];
}

export function goal(text, members = {}) {
  return { resourceType: "Goal", lifecycleStatus: "proposed", description: { text }, subject, ...members };
}

export function bundle(type, ...entries) {
  return { resourceType: "Bundle", type, entry: entries };
}

export function posted(resource, fullUrl) {
  return { fullUrl, resource, request: { method: "POST", url: resource.resourceType } };
}

/** A condition, and a goal that addresses it by the condition's temporary name. */
export function conditionWithGoal() {
  const name = "urn:uuid:0c3b4a5e-6d0f-4d57-9a52-8d4c2f2a6a11";
  const condition = { resourceType: "Condition", code: { text: "Stijve knie" }, subject };
  return [posted(condition, name), posted(goal("Weer fietsen", { addresses: [{ reference: name }] }))];
}

/** The resources of a searchset that were found, not those that came along. */
export function matches(searchset) {
  return (searchset.entry ?? []).filter((each) => each.search.mode === "match").map((each) => each.resource);
}

/** The resources of a searchset that came along with what was found. */
export function included(searchset) {
  return (searchset.entry ?? []).filter((each) => each.search.mode === "include").map((each) => each.resource);
}

export const ids = (resources) => resources.map((each) => each.id).sort();

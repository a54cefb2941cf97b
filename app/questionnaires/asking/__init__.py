"""Being asked to fill in a questionnaire, as Tasks: by somebody who gives care, by the plan, or by the person
themselves. https://hl7.org/fhir/R4/task.html
"""

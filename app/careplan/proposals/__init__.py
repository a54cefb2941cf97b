"""Proposals: what somebody who may not change the plan themselves wants to change in it, and what is answered.

MODEL 2, "Who may write". A proposal is a CarePlan beside the plan. What it does not say it leaves as it is. What
differs between the plan as who proposes saw it and the plan as they want it are its items; each is accepted or
rejected.
"""

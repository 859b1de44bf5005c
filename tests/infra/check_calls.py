#!/usr/bin/env python3
"""Compares the calls that steps made with those that workflows/permissions.json grants them.

usage: check_calls.py CALLS

CALLS has a JSON object a line, one for each call that a step made of a service:
    {"step": "line_polling", "service": "s3", "operation": "PutObject", "resource": "vectors"}
`step` is a HANDLER_TYPE or a function's name. `resource` is a kind of permissions.json; without it the call must be granted on
some resource of the service. A call that is not granted ends the program with status 1: the function would be refused by AWS.
What is granted and was never called is listed, as far as the step was seen at all; it is no failure, for a recording is of one run.
"""

import json
import os
import sys

SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(SOURCES, "workflows", name), encoding="utf-8") as file:
        return json.load(file)


class Grants:
    def __init__(self):
        self.permissions = read("permissions.json")
        self.step_of = {}
        for step in read("steps.json")["steps"]:
            self.step_of[step["handler_type"]] = self.step_of[step["function_name"]] = step["handler_type"]

    def actions(self, service, operation):
        """What a call needs; nothing for one that the file does not know."""
        return self.permissions["operations"].get(service, {}).get(operation)

    def granted(self, step):
        """(resource, action) of a step, as its role has them."""
        kinds = self.permissions["resources"]
        calls = [self.permissions["steps"][step]["calls"], self.permissions["event_source"].get(step, {})]
        return {(kind, action) for part in calls for kind, operations in part.items() for operation in operations
                for action in self.actions(kinds[kind], operation)}

    def refusal(self, call):
        """Why AWS would refuse a call, or nothing."""
        step = self.step_of.get(call["step"])
        if step is None:
            return f"there is no step {call['step']}"
        needed = self.actions(call["service"], call["operation"])
        if needed is None:
            return f"permissions.json does not know {call['service']} {call['operation']}"
        kinds = [kind for kind, service in self.permissions["resources"].items() if service == call["service"]
                 and call.get("resource", kind) == kind]
        granted = self.granted(step)
        for action in needed:
            if not any((kind, action) in granted for kind in kinds):
                return f"{step} may not do {call['service']}:{action} on {' or '.join(kinds) or call['resource']}"
        return None

    def unused(self, calls):
        """What steps that were seen are granted by name and did not call."""
        seen = {}
        for call in calls:
            seen.setdefault(self.step_of.get(call["step"]), set()).add((call["service"], call["operation"]))
        kinds = self.permissions["resources"]
        for step, made in sorted((step, made) for step, made in seen.items() if step):
            granted = {(kinds[kind], operation) for kind, operations in
                       self.permissions["steps"][step]["calls"].items() for operation in operations}
            for service, operation in sorted(granted - made):
                yield f"{step}: {service} {operation}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        calls = [json.loads(line) for line in file if line.strip()]
    grants = Grants()
    refused = sorted({refusal for refusal in map(grants.refusal, calls) if refusal})
    for line in refused:
        print(f"refused: {line}")
    for line in grants.unused(calls):
        print(f"never called: {line}")
    print(f"{len(calls)} calls, {len(refused)} kinds of them refused")
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()

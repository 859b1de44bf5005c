"""A Map of many items, three states each: Tillite's engine with and without history, npm's aws-local-stepfunctions, and
moto's interpreter (of fewer items, its rate is what counts). workflow.py [ITEMS [ITEMS_OF_MOTO]] (default: 10000 1000)"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = ROOT / "build/bench/bench/walk_tool"
NODE = ROOT / "build/tools/bin/node"
PEER = ROOT / "build/tools/local-stepfunctions"
STATES_OF_AN_ITEM = 3

DEFINITION = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Take",
                "States": {
                    "Take": {"Type": "Pass", "Parameters": {"n.$": "$"}, "Next": "Sort"},
                    "Sort": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$.n", "NumericLessThan": 5000, "Next": "Small"}],
                        "Default": "Large",
                    },
                    "Small": {"Type": "Pass", "End": True},
                    "Large": {"Type": "Pass", "End": True},
                },
            },
            "End": True,
        }
    },
}


def side(name, items, *words):
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{name} failed: {ran.stderr.strip()[-500:]}")
    answer = json.loads(ran.stdout.splitlines()[-1])
    if answer["output_items"] != items:
        sys.exit(f"{name} answered {answer['output_items']} items, not {items}")
    rate = (1 + STATES_OF_AN_ITEM * items) / answer["seconds"]
    print(f"{name:<44} {items:>6} items  {answer['seconds']:8.2f} s  {rate:>9,.0f} states/s  {answer['peak_mb']:>4} MB", flush=True)
    return rate


def main(items, items_of_moto):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        definition, few, many = folder / "definition.json", folder / "few.json", folder / "many.json"
        definition.write_text(json.dumps(DEFINITION))
        many.write_text(json.dumps(list(range(1, items + 1))))
        few.write_text(json.dumps(list(range(1, items_of_moto + 1))))
        homes = [folder / "durable", folder / "bare"]
        for home in homes:
            home.mkdir()
        durable = side("Tillite, durable, with history", items, TOOL, definition, many, homes[0])
        bare = side("Tillite, durable, without history", items, TOOL, definition, many, homes[1], "--no-history")
        peer = side("aws-local-stepfunctions (not durable)", items, NODE, PEER / "run.mjs", definition, many)
        print(f"durable against aws-local-stepfunctions: {durable / peer:.1f} times; without history: {bare / peer:.1f} times")
        if importlib.util.find_spec("moto") is None:
            print("moto is not installed (pip install 'moto[server]'): left out")
            return
        moto = side("moto (not durable)", items_of_moto, sys.executable, ROOT / "bench/moto_states.py", definition, few)
        print(f"durable against moto: {durable / moto:.0f} times")


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:3]]
    main(*counts, *[10_000, 1_000][len(counts) :])

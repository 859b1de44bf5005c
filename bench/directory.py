"""A full directory of vectors with documents and metadata: built by Tillite, by Chroma over HTTP, and by hnswlib with a
SQLite table, from the same records in one run; up to 20,000 of them three times in turns, of which each side's median
counts. directory.py [COUNT [clustered|gaussian]] (default: 10000 clustered)"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import chroma

BIN = pathlib.Path("build/bench/bench")
DIMENSIONS, QUERIES = 1536, 300
PROBE = 4_000
REPEATED_MAX, ROUNDS = 20_000, 3
BATCHES, CONNECTIONS = (250, 1_000, 4_000), (1, 2)


def tool(*words, text=None):
    answer = subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, input=text, text=True)
    return answer.stdout


def made(folder, name):
    """A process of its own that answers with one JSON object; what was written before is on the disk already."""
    os.sync()
    return json.loads(tool(*name, folder))


def build_by_chroma(folder, bodies, connections):
    """Seconds until all is added, indexed and on the disk."""
    os.sync()
    with chroma.Server(folder) as server:
        collection = server.create("receipt_words")
        started = time.monotonic()
        server.add_all(collection, bodies, connections)
        vector = (folder.parent / "queries.f32").read_bytes()[: 4 * DIMENSIONS]
        server.ask("POST", f"{collection}/query", chroma.query_body(vector))  # indexes what still waits
        seconds = time.monotonic() - started
        peak_mb = server.peak_mb()
    started = time.monotonic()
    chroma.sync_all(folder)
    return {"seconds": seconds + time.monotonic() - started, "peak_mb": peak_mb}


def best_way(folder, count):
    """The batch size and number of connections that are the fastest for a few."""
    ways = []
    for batch in BATCHES:
        bodies = folder / f"probe-{batch}"
        tool(BIN / "directory_tool", "bodies", folder, batch, min(count, PROBE), bodies)
        for connections in CONNECTIONS:
            built = build_by_chroma(folder / "probe", bodies.iterdir(), connections)
            shutil.rmtree(folder / "probe")
            ways.append((built["seconds"], batch, connections))
        shutil.rmtree(bodies)
    return min(ways)[1:]


def recall(folder, directory):
    """Asked through a server, whoever built it, at ef 100."""
    queries = (folder / "queries.f32").read_bytes()
    size, distances = 4 * DIMENSIONS, []
    with chroma.Server(directory) as server:
        collection = server.only_collection()
        server.set_ef(collection, 100)
        for i in range(QUERIES):
            answer = server.ask("POST", f"{collection}/query", chroma.query_body(queries[i * size : (i + 1) * size]))
            distances.append(json.loads(answer)["distances"][0])
    text = json.dumps({"share": 0, "distances": distances}) + "\n"
    return float(tool(BIN / "directory_tool", "recall", folder, text=text))


def link_tree(source, target):
    shutil.copytree(source, target, copy_function=os.link)


def build_by_us(folder):
    """From the same deltas each time, of which a merge leaves none."""
    for made_before in (folder / "objects", folder / "snapshot-1"):
        shutil.rmtree(made_before, ignore_errors=True)
    link_tree(folder / "deltas", folder / "objects")
    return made(folder, [BIN / "directory_tool", "build"])


def median_of(built):
    """Its time, and the others beside it; the highest peak."""
    seconds = [one["seconds"] for one in built]
    return {"seconds": statistics.median(seconds), "least": min(seconds), "most": max(seconds),
            "peak_mb": max(one["peak_mb"] for one in built)}


def main(count=10_000, kind="clustered"):
    count = int(count)
    by_us, by_hnswlib, by_chroma = [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-directory.", dir="build") as room:
        folder = pathlib.Path(room)
        tool(BIN / "directory_tool", "data", folder, kind, count)
        (folder / "objects").rename(folder / "deltas")
        batch, connections = best_way(folder, count)
        tool(BIN / "directory_tool", "bodies", folder, batch, count, folder / "bodies")
        for _ in range(ROUNDS if count <= REPEATED_MAX else 1):
            by_us.append(build_by_us(folder))
            by_hnswlib.append(made(folder, [BIN / "hnswlib_tool", "build"]))
            for file in folder.glob("hnswlib.*"):
                file.unlink()
            shutil.rmtree(folder / "chroma", ignore_errors=True)
            by_chroma.append(build_by_chroma(folder / "chroma", (folder / "bodies").iterdir(), connections))
        ours, hnswlib, theirs = median_of(by_us), median_of(by_hnswlib), median_of(by_chroma)
        ours["recall"] = recall(folder, folder / "snapshot-1")
        theirs["recall"] = recall(folder, folder / "chroma")

    print(f"{count} {kind} vectors of {DIMENSIONS} numbers with documents and metadata, on the disk")
    sides = {"tillite, deltas to snapshot": ours,
             f"chroma, {batch} a request, {connections} at once": theirs,
             "hnswlib and a SQLite table": hnswlib}
    for name, side in sides.items():
        found = f"   recall@10 {side['recall']:.4f}" if "recall" in side else ""
        print(f"  {name:<36} {side['seconds']:8.2f} s ({side['least']:.2f} to {side['most']:.2f}) {count / side['seconds']:9.0f} vectors/s   "
              f"{side['seconds'] / ours['seconds']:5.1f} times our time   peak {side['peak_mb']} MB, "
              f"{side['peak_mb'] / ours['peak_mb']:.1f} times ours{found}")


if __name__ == "__main__":
    main(*sys.argv[1:])

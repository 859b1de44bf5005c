"""Top 10 of a collection: Tillite in-process, hnswlib in-process, and Chroma over HTTP on the directory that Tillite
exports, at the ef that finds as much as we do. query.py [COUNT [clustered|gaussian]] (default: 20000 clustered)"""

import json
import pathlib
import shutil
import sys
import tempfile
import time

import chroma
from directory import BIN, DIMENSIONS, QUERIES, tool

SHARES = (1_000, 500, 50, 1)
NAMES = ("no filter", "50 % match", "5 % match", "0.1 % match")
EFS = (100, 150, 200, 300, 500, 1_000)


def lines_of(*words):
    return [json.loads(line) for line in tool(*words).splitlines()]


def ask_chroma(server, collection, queries, share):
    where = {"turn": {"$lt": SHARES[share]}} if share else None
    size, times, distances = 4 * DIMENSIONS, [], []
    for i in range(QUERIES):
        body = chroma.query_body(queries[i * size : (i + 1) * size], where)
        started = time.monotonic()
        answer = server.ask("POST", f"{collection}/query", body)
        times.append((time.monotonic() - started) * 1e3)
        distances.append(json.loads(answer)["distances"][0])
    return times, distances


def query_chroma(folder, exported, wanted):
    queries = (folder / "queries.f32").read_bytes()
    sides = []
    with chroma.Server(exported) as server:
        collection = server.only_collection()
        for share, least in enumerate(wanted):
            for ef in EFS:
                server.set_ef(collection, ef)
                times, distances = ask_chroma(server, collection, queries, share)
                text = json.dumps({"share": share, "distances": distances}) + "\n"
                recall = float(tool(BIN / "directory_tool", "recall", folder, text=text))
                if recall >= least - 0.001 or ef == EFS[-1]:
                    sides.append({"ef": ef, "recall": recall} | chroma.percentiles(times))
                    break
    return sides


def first_by_chroma(folder, exported):
    body = chroma.query_body((folder / "queries.f32").read_bytes()[: 4 * DIMENSIONS])
    with chroma.Server(exported) as server:
        server.ask("POST", f"{server.only_collection()}/query", body)
        return (time.monotonic() - server.started) * 1e3


def wall_ms(*words):
    started = time.monotonic()
    tool(*words)
    return (time.monotonic() - started) * 1e3


def main(count=20_000, kind="clustered"):
    count = int(count)
    with tempfile.TemporaryDirectory(prefix="bench-query.", dir="build") as room:
        folder = pathlib.Path(room)
        exported = folder / "exported"
        tool(BIN / "directory_tool", "data", folder, kind, count)
        tool(BIN / "directory_tool", "build", folder)
        tool(BIN / "hnswlib_tool", "build", folder)
        shutil.copytree(folder / "snapshot-1", exported, ignore=shutil.ignore_patterns("records.sqlite3"))

        *ours, graph = lines_of(BIN / "query_tool", "query", folder, exported)
        wanted = [side["recall"] for side in ours]
        same_ef, *hnswlib = lines_of(BIN / "hnswlib_tool", "query", folder, ",".join(str(recall - 0.001) for recall in wanted))
        served = folder / "served"
        shutil.copytree(exported, served)
        theirs = query_chroma(folder, served, wanted)
        first = (wall_ms(BIN / "query_tool", "first", folder, exported),
                 first_by_chroma(folder, served),
                 wall_ms(BIN / "hnswlib_tool", "first", folder))

    print(f"top 10 of {count} {kind} vectors of {DIMENSIONS} numbers, {QUERIES} queries")

    def show(name, side, base):
        print(f"    {name:<30} p50 {side['p50_ms']:8.3f} ms   p99 {side['p99_ms']:8.3f} ms   ef {side['ef']:4}   "
              f"recall {side['recall']:.4f}   {side['p50_ms'] / base:6.1f} times ours")

    for share, name in enumerate(NAMES):
        print(f"  {name}")
        base = ours[share]["p50_ms"]
        show("tillite, with records", ours[share], base)
        show("chroma, over HTTP", theirs[share], base)
        show("hnswlib, labels alone", hnswlib[share], base)
        if share == 0:
            show("hnswlib, labels alone", same_ef, base)
            show("tillite's graph, labels alone", graph, base)
    print("  first query, from the start of the process")
    for name, milliseconds in zip(("tillite", "chroma", "hnswlib"), first):
        print(f"    {name:<30} {milliseconds:9.1f} ms   {milliseconds / first[0]:6.1f} times ours")


if __name__ == "__main__":
    main(*sys.argv[1:])

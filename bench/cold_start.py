#!/usr/bin/env python3
"""How long programs take from their start to their first question for an invocation, and what memory they have then.

usage: cold_start.py STARTS NAME=PROGRAM[,ARGUMENT...]...
All in one run, one start of each after the other, so that they meet the same machine. The first program is the measure of
the others. Wall: from before posix_spawn until the whole question is here. Processor: what all threads of the process had
until then, which other processes on the machine hardly change. Memory: the largest resident set until then.
"""
import math
import os
import signal
import socket
import statistics
import sys
import time


class Start:
    def __init__(self, command, listener):
        environment = {"PATH": os.environ["PATH"], "HANDLER_TYPE": "list_pending", "TILLITE_HOME": "/nowhere",
                       "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % listener.getsockname()[1]}
        begun = time.perf_counter_ns()
        pid = os.posix_spawn(command[0], command, environment)
        try:
            connection, _ = listener.accept()
            question = b""
            while b"\r\n\r\n" not in question:
                more = connection.recv(65536)
                if not more:
                    raise SystemExit(f"{command[0]} hung up before it had asked for an invocation")
                question += more
            self.wall_ms = (time.perf_counter_ns() - begun) / 1e6
            self.processor_ms, self.memory_mb = processor_ms(pid), memory_mb(pid)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        connection.close()
        if not question.startswith(b"GET /2018-06-01/runtime/invocation/next "):
            raise SystemExit(f"{command[0]} asked for something else first: {question[:80]!r}")


def processor_ms(pid):
    tasks = f"/proc/{pid}/task"
    return sum(int(open(f"{tasks}/{task}/schedstat").read().split()[0]) for task in os.listdir(tasks)) / 1e6


def memory_mb(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("/proc tells no VmHWM")


def percentile(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main():
    starts = int(sys.argv[1])
    programs = [(name, command.split(",")) for name, command in (word.split("=", 1) for word in sys.argv[2:])]
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(60)
    for _, command in programs:
        Start(command, listener)  # whose files are then in memory
    measured = {name: [] for name, _ in programs}
    for _ in range(starts):
        for name, command in programs:
            measured[name].append(Start(command, listener))
    print(f"{starts} starts each; ratios of medians, to the first")
    print(f"{'':28} {'wall ms':>8} {'p99':>8} {'ratio':>6} {'cpu ms':>8} {'ratio':>6} {'max MB':>7} {'ratio':>6}")
    first = None
    for name, all_starts in measured.items():
        wall = statistics.median(start.wall_ms for start in all_starts)
        processor = statistics.median(start.processor_ms for start in all_starts)
        memory = max(start.memory_mb for start in all_starts)
        first = first or (wall, processor, memory)
        print(f"{name:28} {wall:8.2f} {percentile([start.wall_ms for start in all_starts], 0.99):8.2f} {wall / first[0]:6.1f}"
              f" {processor:8.2f} {processor / first[1]:6.1f} {memory:7.1f} {memory / first[2]:6.1f}")


main()

// What is measured of a path: iperf3 for throughput, echo.py for times.

import { resolve } from "node:path";

import type { Place } from "./place.ts";
import { ask, serve } from "./tools.ts";

/** From one place to another. The server's ports are this one and the next; iperf3 takes the first, by TCP and UDP. */
export interface Path {
  client: Place;
  server: Place;
  address: string;
  port: number;
}

export interface Sample {
  value: number;
  /** What went over the path, where it is known. */
  bytes?: number;
}

export interface Gauge {
  name: string;
  unit: string;
  take(path: Path): Promise<Sample>;
}

const SECONDS = "1";
/** Fits into every path's packets, whose sizes differ. */
const DATAGRAM = "1400";
const BITS_PER_GIGABIT = 1e9;
const ECHO = ["/usr/bin/python3", resolve(import.meta.dir, "echo.py")];
const TURNS = "1000";

interface IperfReport {
  end: { sum_received?: { bits_per_second: number; bytes: number } };
  error?: string;
}

function throughput(name: string, flags: string[]): Gauge {
  return {
    name,
    unit: "Gbit/s",
    take: async ({ client, server, address, port }) => {
      const listen = ["iperf3", "--server", "--one-off", "--forceflush", "--port", String(port)];
      await using _ = await serve(server, listen, /listening/);
      const connect = ["iperf3", "--client", address, "--port", String(port), "--time", SECONDS, "--json", ...flags];
      const { end, error } = JSON.parse(await ask(client, connect)) as IperfReport;
      const { sum_received: received } = end;
      if (received === undefined) throw new Error(`iperf3: ${error ?? "nothing arrived"}`);
      return { value: received.bits_per_second / BITS_PER_GIGABIT, bytes: received.bytes };
    },
  };
}

function echo(name: string, unit: string, verb: string): Gauge {
  return {
    name,
    unit,
    take: async ({ client, server, address, port }) => {
      const own = String(port + 1);
      await using _ = await serve(server, [...ECHO, "serve", own], /ready/);
      return { value: Number(await ask(client, [...ECHO, verb, address, own, TURNS])) };
    },
  };
}

const UDP = ["--udp", "--bitrate", "0", "--length", DATAGRAM];

/** Seen from who connects. */
export const TCP = [
  throughput("send, 1 stream", []),
  throughput("receive, 1 stream", ["--reverse"]),
  throughput("send, 4 streams", ["--parallel", "4"]),
  throughput("receive, 4 streams", ["--parallel", "4", "--reverse"]),
];
export const CONNECT = echo("connect, request, close", "µs", "connect");
export const OTHERS = [
  throughput("send UDP, what arrives", UDP),
  throughput("receive UDP, what arrives", [...UDP, "--reverse"]),
  echo("round trip", "µs", "pingpong"),
  CONNECT,
  echo("connections by 4 at once", "/s", "crowd"),
];

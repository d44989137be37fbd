// Networks' rows, and who has which address and which port. Whether their holders run is not here: callers say.

import { BunkerError } from "../errors.ts";
import type { EndpointConfig, NetworkConfig, Protocol } from "../network/index.ts";
import type { Records, Row } from "./database.ts";
import type { EndpointRecord, NetworkRecord, PortRecord } from "./rows.ts";

const COLUMNS = "id, name, created_at, config";
const ENDPOINT = "container_id, network_id, position, address4, address6, config";
const ENDPOINT_AND_STATE = `container_id, network_id, position, address4, address6, endpoints.config AS config, state
  FROM endpoints JOIN containers ON containers.id = container_id`;
const RESTING: readonly unknown[] = ["created", "ended"];
const HEX = /^[0-9a-f]{1,64}$/;

export class Networks {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** By name. */
  list(): NetworkRecord[] {
    return this.#records.all(`SELECT ${COLUMNS} FROM networks ORDER BY name`).map(parseNetwork);
  }

  /** By exact name or id. */
  find(word: string): NetworkRecord | null {
    const row = this.#records.first(
      `SELECT ${COLUMNS} FROM networks WHERE id = ? OR name = ? ORDER BY name <> ?`,
      word,
      word,
      word,
    );
    return row === null ? null : parseNetwork(row);
  }

  /** By name, id, or the beginning of an id. @throws BunkerError not-found, conflict in docker's words */
  resolve(word: string): NetworkRecord {
    const exact = this.find(word);
    if (exact !== null) return exact;
    const rows = HEX.test(word)
      ? this.#records.all(`SELECT ${COLUMNS} FROM networks WHERE id >= ? AND id < ? LIMIT 2`, word, `${word}g`)
      : [];
    const [row] = rows;
    if (row === undefined) throw noSuchNetwork(word);
    if (rows.length > 1) {
      throw new BunkerError("conflict", `network ${word} is ambiguous (${rows.length} matches found on name)`, {
        hint: "Give more of the id, or the name.",
      });
    }
    return parseNetwork(row);
  }

  /** Makes a network; `plan` is told of those there are. @throws BunkerError conflict in docker's words when the name is taken */
  insert(
    network: Omit<NetworkRecord, "config">,
    plan: (others: NetworkRecord[]) => NetworkConfig,
    durable = true,
  ): NetworkRecord {
    return this.#records.write(
      () => {
        const others = this.list();
        if (others.some(({ name }) => name === network.name)) {
          throw new BunkerError("conflict", `network with name ${network.name} already exists`, {
            hint: `Choose another name, or remove that network (\`bunker network rm ${network.name}\`).`,
          });
        }
        const record = { ...network, config: plan(others) };
        const { id, name, createdAt, config } = record;
        this.#records.run(
          `INSERT INTO networks (${COLUMNS}) VALUES (?, ?, ?, ?)`,
          id,
          name,
          createdAt,
          JSON.stringify(config),
        );
        return record;
      },
      { durable },
    );
  }

  /** Forgets a network. `ensureFree` is told who is on it, within the same transaction. */
  remove(id: string, ensureFree: (users: EndpointRecord[]) => void): void {
    this.#records.write(
      () => {
        ensureFree(this.endpointsOn(id));
        this.#records.run("DELETE FROM networks WHERE id = ?", id);
      },
      { frees: true },
    );
  }

  /** The names of the networks that each container is on, in its order. */
  namesByContainer(): Map<string, string[]> {
    const names = new Map<string, string[]>();
    const sql = `SELECT container_id, networks.name AS name FROM endpoints JOIN networks ON networks.id = network_id
      ORDER BY container_id, position`;
    for (const row of this.#records.all(sql)) {
      const id = String(row["container_id"]);
      names.set(id, [...(names.get(id) ?? []), String(row["name"])]);
    }
    return names;
  }

  /** Ids of networks that containers are on. */
  usedIds(): Set<string> {
    return new Set(
      this.#records.all("SELECT DISTINCT network_id FROM endpoints").map((row) => String(row["network_id"])),
    );
  }

  endpointsOn(networkId: string): EndpointRecord[] {
    return this.#endpoints("network_id", networkId);
  }

  /** A container's, in its order. */
  endpointsOf(containerId: string): EndpointRecord[] {
    return this.#endpoints("container_id", containerId);
  }

  #endpoints(column: "network_id" | "container_id", value: string): EndpointRecord[] {
    const sql = `SELECT ${ENDPOINT_AND_STATE} WHERE ${column} = ? ORDER BY container_id, position`;
    return this.#records.all(sql, value).map(parseEndpoint);
  }

  /** Puts a container on a network, or changes how it is on it; within `lease`. */
  put(endpoint: Omit<EndpointRecord, "active">): void {
    const { containerId, networkId, position, address4, address6, config } = endpoint;
    this.#records.run(
      `INSERT OR REPLACE INTO endpoints (${ENDPOINT}) VALUES (?, ?, ?, ?, ?, ?)`,
      containerId,
      networkId,
      position,
      address4,
      address6,
      JSON.stringify(config),
    );
  }

  /** Gives an address back; within `lease`. */
  release({ containerId, networkId }: Pick<EndpointRecord, "containerId" | "networkId">): void {
    this.#records.run(
      "UPDATE endpoints SET address4 = NULL, address6 = NULL WHERE container_id = ? AND network_id = ?",
      containerId,
      networkId,
    );
  }

  /** Takes a container off a network. @returns whether it was on it */
  part(containerId: string, networkId: string): boolean {
    return this.#records.write(
      () =>
        this.#records.run("DELETE FROM endpoints WHERE container_id = ? AND network_id = ?", containerId, networkId) >
        0,
    );
  }

  portsOf(containerId: string): PortRecord[] {
    return this.#ports("WHERE container_id = ? ORDER BY container_port, protocol, host_address", containerId);
  }

  /** Of all containers that may be running. */
  activePorts(): PortRecord[] {
    return this.#ports("JOIN containers ON containers.id = container_id WHERE state NOT IN ('created', 'ended')");
  }

  #ports(rest: string, ...values: (string | number)[]): PortRecord[] {
    const sql = `SELECT container_id, protocol, host_address, host_port, container_port FROM ports ${rest}`;
    return this.#records.all(sql, ...values).map(parsePort);
  }

  /** The ports of a container's next start instead of those of its last; within `lease`. */
  setPorts(containerId: string, ports: readonly PortRecord[]): void {
    this.#records.run("DELETE FROM ports WHERE container_id = ?", containerId);
    for (const { protocol, hostAddress, hostPort, containerPort } of ports) {
      this.#records.run(
        "INSERT INTO ports (container_id, protocol, host_address, host_port, container_port) VALUES (?, ?, ?, ?, ?)",
        containerId,
        protocol,
        hostAddress,
        hostPort,
        containerPort,
      );
    }
  }

  /** One transaction over addresses and ports: nobody else takes one meanwhile. */
  lease<T>(change: () => T): T {
    // A power cut ends the containers as well.
    return this.#records.write(change, { durable: false });
  }
}

export function noSuchNetwork(word: string): BunkerError {
  return new BunkerError("not-found", `network ${word} not found`, {
    hint: "`bunker network ls` lists the networks there are.",
  });
}

function parseNetwork(row: Row): NetworkRecord {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    createdAt: String(row["created_at"]),
    config: JSON.parse(String(row["config"])) as NetworkConfig,
  };
}

function parseEndpoint(row: Row): EndpointRecord {
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  return {
    containerId: String(row["container_id"]),
    networkId: String(row["network_id"]),
    position: Number(row["position"]),
    address4: text(row["address4"]),
    address6: text(row["address6"]),
    config: JSON.parse(String(row["config"])) as EndpointConfig,
    active: !RESTING.includes(row["state"]),
  };
}

function parsePort(row: Row): PortRecord {
  return {
    containerId: String(row["container_id"]),
    protocol: String(row["protocol"]) as Protocol,
    hostAddress: String(row["host_address"]),
    hostPort: Number(row["host_port"]),
    containerPort: Number(row["container_port"]),
  };
}

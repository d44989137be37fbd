// Somebody who can be reached, by TCP and by UDP: `bun test/support/who-server.ts PORT` listens on every address, of IPv4 and IPv6
// alike, answers, and tells it all: a line `PROTOCOL ADDRESS` for each who comes. Prints `ready` first.

export const ANSWER = "somebody";

async function listen(port: number): Promise<void> {
  Bun.listen({
    hostname: "::",
    port,
    socket: {
      open: (socket) => console.log(`tcp ${socket.remoteAddress}`),
      data: (socket) => void socket.end(ANSWER),
      error: () => {},
    },
  });
  await Bun.udpSocket({
    hostname: "::",
    port,
    socket: {
      data: (socket, _data, from, address) => {
        console.log(`udp ${address}`);
        socket.send(ANSWER, from, address);
      },
      error: () => {},
    },
  });
}

if (import.meta.main) {
  await listen(Number(process.argv[2]));
  console.log("ready");
}

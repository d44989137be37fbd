// Somebody who can be reached, by TCP and by UDP: `bun test/support/who-server.ts PORT` listens on every address, of IPv4 and IPv6
// alike, answers with the name of the place, and tells it all: a line `PROTOCOL ADDRESS` for each who comes. Prints `ready` first.

const [port = ""] = process.argv.slice(2);
const ANSWER = "somebody\n";

Bun.listen({
  hostname: "::",
  port: Number(port),
  socket: {
    open: (socket) => console.log(`tcp ${socket.remoteAddress}`),
    data: (socket) => void socket.end(ANSWER),
    error: () => {},
  },
});
await Bun.udpSocket({
  hostname: "::",
  port: Number(port),
  socket: {
    data: (socket, _data, from, address) => {
      console.log(`udp ${address}`);
      socket.send(ANSWER, from, address);
    },
    error: () => {},
  },
});
console.log("ready");

export {};

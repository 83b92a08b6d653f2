// A subscriber for Node: prints one line of JSON for each of its frames. Needs `npm install zeromq` (version 6).
//
//     gifnet run VISIBLE THERMAL -o zmq+tcp://127.0.0.1:5556
//     node examples/subscribe.js tcp://127.0.0.1:5556 main/fused            every frame, at most 8 wait here
//     node examples/subscribe.js tcp://127.0.0.1:5556 main/fused latest     the newest one, whenever it is asked
"use strict";
const zmq = require("zeromq");

// The form for CONFLATE: topic NUL, length of the header in four bytes (little-endian), header, payload.
function split(message) {
  const begin = message.indexOf(0) + 5;
  const end = begin + message.readUInt32LE(begin - 4);
  return [message.subarray(0, begin - 5), message.subarray(begin, end), message.subarray(end)];
}

async function main(address, topic, how) {
  const latest = how === "latest";
  // Without a limit a slow reader keeps a thousand messages, a gigabyte of pictures of 640x512.
  const socket = new zmq.Subscriber(latest ? { conflate: true } : { receiveHighWaterMark: 8 });
  socket.maxMessageSize = 128e6;
  socket.connect(address);
  socket.subscribe(latest ? `latest/${topic}\0` : topic);
  for await (const message of socket) {
    const parts = latest ? split(message[0]) : message;
    if (parts[0].toString() !== (latest ? `latest/${topic}` : topic)) continue; // main/fused2 begins alike
    // Whole numbers beyond 2^53 lose their last digits in JavaScript: times are right to a microsecond.
    const header = JSON.parse(parts[1]);
    const pixels = parts[2]; // header.shape, row-major, or a JPEG file
    const bytes = header.encoding === "raw" ? header.shape.reduce((product, side) => product * side) : pixels.length;
    if (pixels.length !== bytes) throw new Error(`${pixels.length} bytes where ${header.shape} needs ${bytes}`);
    const age_ms = header.clock_visible === "pts" ? null : Date.now() - header.t_visible_ns / 1e6;
    console.log(JSON.stringify({ seq: header.seq, shape: header.shape, bytes: pixels.length, age_ms }));
  }
}

main(process.argv[2] || "tcp://127.0.0.1:5556", process.argv[3] || "main/fused", process.argv[4]);

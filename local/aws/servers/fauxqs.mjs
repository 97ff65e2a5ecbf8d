// Serves SQS on one loopback port: fauxqs' own command line binds every
// interface. The address goes to standard output once it listens.
import { buildApp } from "fauxqs";

const app = buildApp({ logger: false, host: "localhost" });
const address = await app.listen({ port: Number(process.argv[1] ?? 0), host: "127.0.0.1" });
console.log(address);

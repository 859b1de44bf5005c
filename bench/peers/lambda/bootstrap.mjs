// The smallest runtime in Node: asks for invocations and does nothing.
import http from "node:http";

const agent = new http.Agent({ keepAlive: true });
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer));
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const { headers } = await call("GET", "next");
  await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, "{}");
}

// Creates a container in Azurite: node azure_container.js ADDRESS CONTAINER. The request is signed as
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key describes it, with the published key of the
// emulator.
const { createHmac } = require("node:crypto");

const [address, container] = process.argv.slice(2);
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-08-06" };
const signed = [
  "PUT", "", "", "", "", "", "", "", "", "", "", "",
  `x-ms-date:${headers["x-ms-date"]}`,
  `x-ms-version:${headers["x-ms-version"]}`,
  `/${account}/${account}/${container}`,
  "restype:container",
].join("\n");
const signature = createHmac("sha256", Buffer.from(key, "base64")).update(signed, "utf8").digest("base64");

fetch(`${address}/${account}/${container}?restype=container`, {
  method: "PUT",
  headers: { ...headers, Authorization: `SharedKey ${account}:${signature}` },
}).then(async (response) => {
  if (!response.ok) {
    console.error(response.status, await response.text());
    process.exit(1);
  }
});

import { randomBytes } from "node:crypto";

// One name per build, known to the pages (inlined) and to the hub (.next/BUILD_ID), so that an open page can tell that
// another build is served now. In the environment, because the build's workers read this file again.
process.env.RIPCORD_BUILD_ID ??= randomBytes(9).toString("base64url");

/** @type {import("next").NextConfig} */
const config = {
  env: { RIPCORD_BUILD_ID: process.env.RIPCORD_BUILD_ID },
  generateBuildId: () => process.env.RIPCORD_BUILD_ID ?? null,
  poweredByHeader: false,
  reactStrictMode: true,
  devIndicators: false,
  // `npm test` checks the types of the whole tree. A slip in a test must not keep an operator from starting the app.
  typescript: { ignoreBuildErrors: true },
};

export default config;

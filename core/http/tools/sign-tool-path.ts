/** The signature debugger's page. The documentation links it, and a test merchant's failed signature points to it. */
export const SIGN_TOOL_PATH = "/tools/sign"

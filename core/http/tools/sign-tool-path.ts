/**
 * Path of the signature debugger's page. The documentation and the answer to a test merchant's wrong signature link it.
 */
export const SIGN_TOOL_PATH = "/tools/sign"

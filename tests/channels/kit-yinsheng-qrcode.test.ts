import provider from "../../channels/yinsheng-qrcode/index.ts"
import { describeChannel } from "../../core/kit/index.ts"
import { startYinsheng } from "./kit-yinsheng.ts"

// The signature covers the form's values, so another spelling of the same values is the same notice.
describeChannel(provider, { simulator: () => startYinsheng(), noticeSignature: "values" })

import provider from "../../channels/yinsheng-qrcode/index.ts"
import { describeChannel } from "../../core/kit/index.ts"
import { startYinsheng } from "./kit-yinsheng.ts"

// The signature is over the form's values: the same values in another spelling are the same notice.
describeChannel(provider, { simulator: () => startYinsheng(), noticeSignature: "values" })

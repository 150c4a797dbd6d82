/// The commands a client may send.
package enum ClientCommand: String, Sendable, Hashable, CaseIterable {
    case subscribe = "aibot_subscribe"
    case ping
    case respond = "aibot_respond_msg"
    case welcome = "aibot_respond_welcome_msg"
    case updateCard = "aibot_respond_update_msg"
    case send = "aibot_send_msg"
    case uploadInit = "aibot_upload_media_init"
    case uploadChunk = "aibot_upload_media_chunk"
    case uploadFinish = "aibot_upload_media_finish"
}

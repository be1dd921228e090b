const reasons: Record<number, string> = {
  100: 'Continue',
  101: 'Switching Protocols',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

const lines: Record<number, string> = {}

/** The whole status line, `HTTP/1.1 200 OK\r\n`. Numbers without a registered reason get an empty one, as RFC 9112 §4 allows. */
export function statusLine(status: number): string {
  lines[status] ??= `HTTP/1.1 ${status} ${reasons[status] ?? ''}\r\n`
  return lines[status]
}

/** True for the answers that never have a body, whatever their headers say (RFC 9110 §6.4.1). */
export function neverHasBody(status: number): boolean {
  return status === 204 || status === 304 || status < 200
}

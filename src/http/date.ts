const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`)

/**
 * An IMF-fixdate (RFC 9110 §5.6.7) from milliseconds since the Unix epoch.
 *
 * @example
 * httpDate(784_111_777_000) === 'Sun, 06 Nov 1994 08:49:37 GMT'
 */
export function httpDate(wallMs: number): string {
  const seconds = Math.floor(wallMs / 1000)
  const days = Math.floor(seconds / 86_400)
  const { year, month, day } = civilDate(days)
  const rest = seconds - days * 86_400
  const time = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`
  return `${weekdays[(days + 4) % 7]}, ${two(day)} ${months[month]} ${year} ${time} GMT`
}

/** Gregorian date of a day number since 1970-01-01; counts in 400-year eras that begin on a first of March. */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = (marchMonth + 2) % 12
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0)
  return { year, month, day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1 }
}

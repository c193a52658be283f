/**
 * Returns the answer of a script as a list. A commit that was applied may answer with its versions alone, separated by
 * spaces, because a server converts text much faster than a list.
 */
export function answerList<Part extends string | Buffer>(answer: string | Part[]): Part[] {
  return typeof answer === 'string' ? (['OK', ...answer.split(' ')] as Part[]) : answer;
}

// Which part of the suite a line of the matrix runs in the time that is left: all of it, or a part that differs from line to
// line, since some of it on each Node says more than all of it on one.
'use strict'

const BUILD_SECONDS = 45 // to copy the checkout and build it, on a slow machine
const UNEVEN = 1.3 // jest divides by the names of the files, not by what they take
const MOST_PARTS = 12 // less than that is not worth the building

/**
 * @param {object} about
 * @param {number} about.secondsLeft
 * @param {number} about.linesLeft that have their turn in it, with this one
 * @param {number} about.suiteSeconds what all of the suite takes, as far as known; 0 where it is not
 * @returns {number} 1 for all of the suite, or into how many parts it is to be divided; 0: not even one of them can be run
 */
function partsFor({ secondsLeft, linesLeft, suiteSeconds }) {
  const seconds = secondsLeft / linesLeft
  if (suiteSeconds <= seconds) return 1
  const parts = Math.ceil(UNEVEN * suiteSeconds / Math.max(seconds - BUILD_SECONDS, 0))
  return parts <= MOST_PARTS ? parts : 0
}

module.exports = { partsFor }

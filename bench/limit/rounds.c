/*
 * The limit of what wait() and notify() can reach between two processes: the system calls of faultless, without
 * JavaScript. In each process a thread sleeps on a word of the file, and wakes an event loop.
 *
 *   rounds FILE ROUNDS
 *
 * Prints the figures of figures.h, of the process that begins; a round stands for a read.
 */
#include "doorbell.h"
#include "figures.h"
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

/* One process's side: the word that it hears by, and the one that it speaks by. */
struct side {
  _Atomic uint32_t *heard, *said;
  uint32_t rounds;
  struct loop loop;
};

static void *listen_to_all(void *argument) {
  struct side *side = argument;
  for (uint32_t round = 0; round < side->rounds; round++) {
    while (atomic_load(side->heard) == round)
      sleep_while(side->heard, round);
    wake_loop(&side->loop);
  }
  return argument;
}

static void say(struct side *side, uint32_t round) {
  atomic_store(side->said, round);
  wake_sleeper(side->said);
}

static void play(struct side *side, int begins) {
  for (uint32_t round = 1; round <= side->rounds; round++) {
    if (begins)
      say(side, round);
    turn_loop(&side->loop);
    if (!begins)
      say(side, round);
  }
}

static int run(struct side side, int begins) {
  pthread_t thread;
  side.loop = make_loop();
  struct figures before = figures_now();
  if (pthread_create(&thread, NULL, listen_to_all, &side) != 0)
    return 1;
  play(&side, begins);
  if (pthread_join(thread, NULL) != 0)
    return 1;
  if (begins)
    print_figures(&before, side.rounds);
  return 0;
}

int main(int argc, char **argv) {
  int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;
  if (fd < 0)
    return 2;
  _Atomic uint32_t *words = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (words == MAP_FAILED)
    return 1;
  atomic_store(&words[0], 0);
  atomic_store(&words[1], 0);
  uint32_t rounds = (uint32_t)atoi(argv[2]);
  pid_t other = fork();
  if (other < 0)
    return 1;
  if (other == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return run((struct side){.heard = &words[0], .said = &words[1], .rounds = rounds}, 0);
  }
  return run((struct side){.heard = &words[1], .said = &words[0], .rounds = rounds}, 1);
}

"""The demo for a person: the address, a sign-in link for each of the cast, and then until Ctrl-C."""

import time

from zalion.demo import cast, stage
from zalion.demo.stage import Stage

READING = 600.0  # seconds for all the mail; it takes about twenty


def run(running: Stage) -> int:
    """Runs until a signal ends it or a server has died; raises KeyboardInterrupt, ChildDied."""
    say, ground = running.progress.say, running.ground
    say(f"\nready: {ground.base_url}\n")
    say("Each link signs one of the cast in: once, within ten minutes, best in a browser window of its own.")
    for person in cast.CAST:
        say(f"\n  {person.name}, {person.told}")
        say(f"    {stage.sign_in_link(person.username, base_url=ground.base_url)}")
    say("\nA new link: make demo-link USER=rui   (ada, cleo, abe, bea, bo, otto, pat likewise)")
    say("What to look at: as Rui the review list and the confirmation whose total is wrong; as Abe the trail")
    say("of it; as Ada the mailbox and its two signatures; as Otto that nothing of Acme is there.")
    say(f"Logs are in {ground.logs}. Ctrl-C ends everything.\n")
    try:
        stage.wait_for_mail(running, seconds=READING)
    except TimeoutError as late:  # Somebody may have paused a mailbox.
        say(str(late))
    while True:
        running.children.watch()
        time.sleep(0.5)

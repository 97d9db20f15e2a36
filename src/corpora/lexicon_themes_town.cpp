// Wishes among neighbours.
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kThemesTown = R"grammar(
words chest_o: chest, trunk, suitcase, safe, cupboard, drawer, jewel box, wardrobe, desk, crate, cabinet, casket, treasure box, strongbox, briefcase, barrel
words chest_b: lock, padlock, bolt, latch, chain, seal, clasp, buckle, keyhole, knot, hook, lid
words chest_t: key, hairpin, file, hammer, magnet, screwdriver, nail, knitting needle, saw, chisel, toothpick, pair of scissors, corkscrew, penknife, can opener, feather
words chest_p: attic, cellar, library, shipwreck, bedroom, garage, basement, tower, barn, ballroom, corridor, pantry
words chest_f: letters, photographs, diamonds, toys, maps, coins, seashells, love poems, hats, marbles, candles, buttons, postcards, old songbooks, medals, silver spoons, costumes, pocket watches
rule want_chest
  open the {=chest_q} {O=chest_o} in the {=chest_p}
  find out what was in the {O=chest_o} in the {=chest_p}
words chest_q: heavy, mysterious, antique, wooden, iron, dusty, forgotten, carved
rule block_chest
  the {B=chest_b} of the {O} was {=chest_s}
  the {O} had {a B=chest_b} that nobody could open
words chest_s: stuck, shut tight, rusted, jammed, made of steel, frozen, full of sand, stronger than it looked
rule fail_chest
  <H> pulled at the {B} until {g.his} {=chest_l} hurt.
  <H> hit the {B} with {a =chest_x}, but it did not open.
words chest_l: fingers, arms, shoulders, teeth, hands, paws, knuckles, ears
words chest_x: brick, rock, shoe, pan, log, ladle, cane, coconut, potato, boot
rule tell_chest
  The {B} will not open
  {^g.I} cannot open the {O}
rule plan_chest
  Try my {=toollook} {T=chest_t} on the {B}
  {^a =toollook} {T=chest_t} can open any {B}
rule solve_chest
  <HF> worked on the {B} with the {T} until it {=chest_c}
  {F} pushed the {T} into the {B}, and it {=chest_c}
words chest_c: clicked, opened, gave way, sprang open, fell off, popped, turned, snapped
rule end_chest
  The {O} was full of {B2=chest_f} and {=chest_f!B2}.

words race_o: sack, boat, relay, egg-and-spoon, snail, bicycle, sledge, swimming, running, ski, wheelbarrow, hurdle, kite, marathon, pony, downhill
words race_v: race, contest, championship, tournament, derby, final
words race_b: legs, feet, knees, arms, shoulders, ankles, muscles, hips, toes, thighs, elbows, calves
words race_t: ice baths, long walks, stretching, skipping rope, morning runs, hill climbing, porridge, early nights, yoga, push-ups, deep breathing, carrot juice, slow jogging, balancing, good naps, warm milk
rule want_race
  win the {O=race_o} {O2=race_v}
  be first in the {O=race_o} {O2=race_v}
rule block_race
  {g.his} {B=race_b} were too {=race_w}
  everyone laughed because {g.his} {B=race_b} were {=race_w}
words race_w: weak, slow, stiff, shaky, tired, sore, heavy, wobbly, clumsy, short
rule fail_race
  On the first try, {g.he} came in {=race_n}.
  <H> ran into {a =race_x} and fell.
words race_n: last, ninth, tenth, second to last, an hour late, behind a snail, after dark, after the judges had left
words race_x: fence, tree, haystack, lamppost, puddle, policeman, bush, hedge, flowerbed, fruit stall
rule tell_race
  {^g.my} {B} are not made for the {O} {O2}
  {^g.I} cannot win with such {B}
rule plan_race
  With {T=race_t}, your {B} will be ready
  The secret is {T=race_t}
rule solve_race
  <HF> practised every day, with {T} and {=race_m}
  {F} became the coach, and it was {T} and {=race_m} for weeks
words race_m: laughter, patience, music, encouragement, jokes, discipline, fresh air, good food
rule end_race
  <H> finished the {O} {O2} {=race_e}.
words race_e: first, in record time, ahead of everyone, to loud applause, by a nose, as the winner, with a golden medal, faster than ever, to the sound of trumpets, just in front

words letter_o: letter, parcel, postcard, invitation, telegram, present, package, poem, medicine, newspaper, photograph, valentine, secret message, box of sweets, birthday card, bouquet
words letter_r: king, queen, doctor, general, captain, judge, president, mayor, princess, professor, baroness, emperor
words letter_b: snow, mud, rocks, fallen trees, ice, sand, hungry geese, sleeping cows, deep water, thorns, broken glass, wolves, parked carts, puddles
words letter_t: sledge, cart, bicycle, balloon, scooter, wagon, donkey, pigeon, tricycle, tractor, pair of skis, raft, skateboard, train, pair of stilts, hang-glider
rule want_letter
  deliver {a O=letter_o} to the {O2=letter_r}
  bring {a O=letter_o} to the {O2=letter_r} in time
rule block_letter
  the road was {=letter_c} {B=letter_b}
words letter_c: full of, blocked by, covered with, buried under, closed because of, lost under
rule fail_letter
  <H> tried a shortcut through the {=letter_s}, but it was a dead end.
  <H> walked until {g.his} {=letter_h} hurt, but there was no way past the {B}.
words letter_s: swamp, forest, cornfield, tunnel, graveyard, factory, churchyard, alley, thicket, sewer, maze, ruins
words letter_h: feet, heels, legs, knees, toes, ankles, soles, hips
rule tell_letter
  The {O} must reach the {O2}, but the road is {=letter_c} {B}
  {^g.I} cannot get past the {B}
rule plan_letter
  Take my {=toollook} {T=letter_t}
  With {a =toollook} {T=letter_t}, the {B} will not matter
rule solve_letter
  <HF> passed the {B} with the {T}
  {F} fetched the {T}, and they left the {B} behind
rule end_letter
  The {O2} read the {=letter_a} and {=letter_g}.
words letter_a: name on it, first line, label, address, note, greeting, card, title
words letter_g: smiled, wept with joy, danced on the table, gave them a medal, kissed them both, laughed for a week, hugged the pair, invited them to dinner, was speechless, felt much better, jumped for joy, ran to the window, sang a hymn

words market_o: apples, eggs, turnips, pots, candles, brooms, cheeses, potatoes, tomatoes, lamps, rugs, melons, baskets, buttons, onions, shoes, spoons, teapots, umbrellas, vases, wigs, clocks, pies, roses
words market_b: wheel, axle, shaft, yoke, harness, spoke, brake, handle, seat, rope, nail, door
words market_t: hammer, plank, belt, spare wheel, ladder, branch, jack, wrench, pole, piece of leather, bucket of grease, big cheese, barrel hoop, broomstick, iron ring, tree trunk
words market_c: cart, wagon, carriage, wheelbarrow, sleigh, trolley, coach, caravan, handcart, truck
rule want_market
  sell {O=market_o} from {a O2=market_c} at the market
  take {a O2=market_c} of {O=market_o} to the fair
rule block_market
  the {B=market_b} of the {O2} {=market_s} on the {=market_r}
words market_s: broke, came loose, cracked, snapped, split, fell off, bent, gave out
words market_r: hill, bridge, highway, first bend, cobblestones, muddy road, crossroads, way down
rule fail_market
  <H> tried to carry the {O} by hand, but they {=market_f}.
  <H> pushed the {O2} with all {g.his} might, but it did not {=market_m}.
words market_f: rolled away, fell down, were too heavy, landed in the ditch, slipped, tumbled out, scattered everywhere, sank in the mud
words market_m: move, budge, roll, turn, stir, go far, help, work
rule tell_market
  The {B} of the {O2} is broken
  The {O} will never get to the market without {a B}
rule plan_market
  {^a =toollook} {T=market_t} can replace the {B}
  We can fix the {O2} with {a =toollook} {T=market_t}
rule solve_market
  <HF> used the {T} to fix the {B}
  {F} brought {a T}, and the {O2} rolled on
rule end_market
  At the market, the {O} sold for {=market_p}.
words market_p: a fortune, a good price, ten silver coins, a bag of gold, twice the price, a fat purse, three ducats, more than ever before, a shiny penny each, enough to buy a pony

words stage_o: pirate, wizard, emperor, ghost, robot, vampire, hero, detective, lion, prince, villain, dragon, clown, witch, mermaid, sheriff, knight, cowboy, astronaut, pharaoh, gladiator, jester
words stage_b: costume, mask, wig, crown, sword, beard, hat, cape, wand, helmet, shield, moustache, tail, robe, cloak, turban
words stage_t: cardboard, old curtains, tinfoil, wool, paper bags, feathers, straw, flour sacks, ribbons, blankets, horsehair, silver paint, felt, lace, egg cartons, buckskin, bedsheets, burlap
words stage_v: school play, puppet show, opera, circus, pageant, ballet, musical, pantomime, film, theatre, village play, parade
rule want_stage
  act as the {O=stage_o} in the {O2=stage_v}
  be the {O=stage_o} in the {O2=stage_v}
rule block_stage
  the {B=stage_b} for the {O} {=stage_s}
words stage_s: disappeared, got torn, burned in the oven, shrank in the wash, caught fire, was stolen by crows, was sent to the moon, went missing, was full of holes, fell into the soup
rule fail_stage
  <H> tried it without the {B}, but everyone {=stage_l}.
  <H> borrowed {a =stage_x} instead, but it looked {=stage_y}.
words stage_l: laughed, booed, fell asleep, yawned, went home, giggled, stared, frowned, groaned
words stage_x: bathrobe, lampshade, teapot, umbrella, colander, bucket, doormat, towel, apron, oven glove
words stage_y: silly, odd, wrong, ridiculous, funny, strange, dull, ugly
rule tell_stage
  Nobody can play the {O} without the right {B}
  The {O} in the {O2} needs a new {B}
rule plan_stage
  We can make what you need from {T=stage_t}
  Let us make it from {T=stage_t}
rule solve_stage
  <HF> cut and sewed the {T} {=gladly}
  {F} turned {T} into something new for the {O}
rule end_stage
  The {O2} began, and the {O} {=stage_e}.
words stage_e: was the star, got roses, bowed nine times, was a triumph, forgot no lines, made the mayor weep, sang perfectly, got the loudest applause

words toy_o: doll, teddy bear, toy train, kite, rocking horse, ball, drum, puppet, yo-yo, whistle, music box, dollhouse, telescope, globe, sled, skateboard, paintbox, magic set, spinning top, chess set
words toy_s: window, market, toyshop, corner shop, bookshop, bazaar, museum shop, fair, auction, department store
words toy_b: penny, coin, cent, dollar, farthing, ducat, crown, shilling, copper, florin
words toy_t: sweep floors, wash windows, walk dogs, water plants, shovel snow, rake leaves, milk cows, deliver papers, pick apples, paint fences, chop wood, polish shoes, clean chimneys, peel potatoes, stack firewood, feed ducks, carry bags, mend socks
rule want_toy
  buy the {=toy_q} {O=toy_o} from the {=toy_s}
  own the {=toy_q} {O=toy_o} in the {=toy_s}
words toy_q: wooden, tin, painted, beautiful, expensive, wonderful, handmade, foreign
rule block_toy
  {g.he} did not have a single {B=toy_b}
  the {O} cost {=cave_n} times more than the last {B=toy_b} {g.he} had
rule fail_toy
  <H> looked under the {=picture_u} for {a B}, but found only {=toy_f}.
  <H> offered the seller {=toy_f}, but the seller shook his head.
words toy_f: dust, crumbs, a button, a sock, a dead fly, a feather, a pebble, string, a bent spoon, old gum, lint, a beetle
rule tell_toy
  {^g.I} {g.am} without {a B}, and the {O} is so expensive
  The {O} costs more than {g.I} have
rule plan_toy
  You could {T=toy_t} for money
  Come with me and {T=toy_t}
rule solve_toy
  <HF> went to {T} for {=toy_w}
  {F} found a place where they could {T} for {=toy_w}
words toy_w: a week, a month, three weeks, ten days, the whole summer, seven nights, two months, five hours
rule end_toy
  The {O} was worth every {B}, and it {=toy_e}.
words toy_e: never broke, was shared by all, shone in the sun, stood on the shelf for years, came home in a ribbon, slept under the pillow, brought great fun, was loved forever

words sick_o: pony, parrot, puppy, baby, piglet, kitten, grandfather, calf, canary, queen, turtle, dragon, elephant, rabbit, giant, donkey
words sick_b: cough, fever, cold, headache, toothache, stomach ache, rash, earache, sore throat, chill, flu, sneeze, hiccup, limp, itch, nosebleed
words sick_t: ginger tea, chicken soup, mustard, cod liver oil, honey milk, peppermint, camomile, onion syrup, fresh air, a warm blanket, a cold towel, garlic, lemon water, a good story, elderberry juice, aloe, a mud bath, a long nap
words sick_d: doctor, nurse, vet, pharmacist, healer, surgeon, dentist, midwife
rule want_sick
  cheer up the sick {O=sick_o}
  help the {O=sick_o} get well
rule block_sick
  the {B=sick_b} of the {O} got {=sick_w}
words sick_w: worse, stronger, much worse, worse and worse, worse by the hour, out of hand
rule fail_sick
  <H> ran for the {=sick_d}, but the {=sick_h} was closed.
  <H> gave the {O} {=sick_x}, but it did not help.
words sick_h: house, office, surgery, hospital, clinic, pharmacy, gate, door
words sick_x: a pill, a pickle, a kiss, a biscuit, a powder, a cactus, a tickle, a balloon, a bitter root, a spoon of jam
rule tell_sick
  The {O} has a terrible {B}
  Nothing helps against the {B}
rule plan_sick
  The best cure for {a B} is {T=sick_t}
  Give the {O} {T=sick_t} {=sick_n} times a day
words sick_n: two, three, four, five, six, seven
rule solve_sick
  <HF> gave the {O} {T}
  {F} prepared {T}, and <H> brought it to the {O}
rule end_sick
  The {B} {=sick_g}, and the {O} {=sick_e}.
words sick_g: went away, vanished, passed, left, faded, disappeared, stopped, was gone by morning
words sick_e: smiled, sat up, asked for cake, ran outside, laughed again, slept soundly, felt strong, danced a jig, ate a huge dinner, winked

verb skill_o: swim/swam/swimming, skate, dance, juggle, whistle, ski, surf, fence, knit, paint, sing/sang, dive, climb, cook, row, write/wrote, yodel, waltz, tumble, sail, ride/rode, draw/drew, garden, spell
words skill_b: water, heights, people, mistakes, noise, failure, darkness, teachers, laughter, strangers, falling, crowds, criticism, spiders
words skill_t: pillows, a rope, a mirror, a song, small steps, a rubber ring, a picture book, a lucky coin, a game, a dance partner, a trick, chalk marks, a big mattress, a pair of stilts, a funny hat, a handrail
words skill_m: champion, master, duchess, swan, professional, fairy, king, star, professor, hero, genius, dolphin
rule want_skill
  learn to {O=skill_o} like {a O2=skill_m}
  {O=skill_o} as well as {a O2=skill_m}
rule block_skill
  {g.he} {g.was} afraid of {B=skill_b}
  {g.he} had always been scared of {B=skill_b}
rule fail_skill
  <H> tried with both eyes shut, and {=skill_f}.
  <H> read {=cave_n} books about it, but {=skill_f}.
words skill_f: nothing happened, it went wrong, everybody laughed, nothing worked, the fear stayed, it did not help, it ended in tears, it got worse
rule tell_skill
  {^g.I} {g.am} afraid of {B}
  {^g.I} cannot {O} because of {B}
rule plan_skill
  We will start with {T=skill_t}, and {B} will not seem so bad
  When I was afraid of {B}, I used {T=skill_t}
rule solve_skill
  <HF> began with {T}, and the fear of {B} {=skill_g}
  {F} showed <H> the way with {T}, and the fear of {B} {=skill_g}
words skill_g: melted away, grew smaller, went away, disappeared, shrank, flew off, was forgotten, faded
rule end_skill
  <H> {O.ed} {=skill_e}.
words skill_e: all day long, without a single worry, in front of the whole town, for the joy of it, with a big smile, better than ever, in the school contest, until the lights went out, without a single mistake, to everyone's delight
)grammar";

}  // namespace orrery::lexicon

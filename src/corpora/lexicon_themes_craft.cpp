// Wishes to make something.
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kThemesCraft = R"grammar(
words cake_o: plum, lemon, almond, chocolate, carrot, apple, cherry, walnut, ginger, honey, vanilla, strawberry, coconut, poppy seed, caramel, pumpkin
words cake_v: birthday, wedding, farewell, name day, anniversary, jubilee, homecoming, graduation
words cake_b: flour, sugar, butter, honey, milk, yeast, cream, salt, baking powder, cinnamon, oil, syrup
words cake_t: basket, jar, sack, crate, bowl, bag, jug, pantry, cupboard, cart, tin, barrel, drawer, parcel
words cake_w: bakery, windmill, dairy, kitchen, storeroom, larder, hilltop farm, grocery, inn, tavern, cellar, market hall
rule want_cake
  bake {a O=cake_o} cake for the {=cake_v}
  make the {=cake_q} {O=cake_o} cake of all time
words cake_q: biggest, softest, finest, tallest, tastiest, sweetest, lightest, grandest
rule block_cake
  there was no {B=cake_b} left
  somebody used up all the {B=cake_b}
rule fail_cake
  <H> used {=cake_x} instead of {B}, but it tasted {=cake_y}.
  <H> baked the cake without {B}, but it came out {=cake_y}.
words cake_x: sand, chalk, snow, mud, sawdust, soap, glue, clay, oats, mustard, toothpaste, vinegar
words cake_y: awful, bitter, sour, hard as stone, black and burnt, flat as a plate, like old socks, terribly dry, soggy, much too salty
rule tell_cake
  There is no {B} for the {O} cake
  {^g.I} cannot bake without {B}
rule plan_cake
  I have plenty of {B} in my {T=cake_t}
  We can get {B} from the {T=cake_t} in the {=cake_w}
rule solve_cake
  <HF> emptied the {T} and stirred the {B} into the {=cake_d}
  {F} brought the {T} full of {B}, and <H> lit the oven
words cake_d: dough, batter, mixture, cream, pot, mixing bowl
rule end_cake
  The {O} cake {=cake_r}.
words cake_r: smelled wonderful, rose higher and higher, was a great success, was eaten to the last crumb, fed thirty guests, won first prize, came out golden brown, melted on the tongue

words music_o: violin, flute, trumpet, guitar, piano, harp, cello, clarinet, accordion, banjo, drum, fiddle, lute, mandolin, oboe, saxophone, tambourine, trombone, tuba, ukulele, viola, xylophone, zither
words music_b: cracked, rusty, dusty, bent, broken, soaked, split, out of tune, scratched, mouldy, loose, squashed, dented, full of sand
words music_t: wax, wire, string, oil, thread, glue, tape, varnish, polish, leather, rubber, resin, a silk cloth, a goose feather, a soft brush, a drop of honey
words music_v: concert, parade, wedding, festival, carnival, fair, opera, ball, feast, contest, picnic, ceremony
rule want_music
  play the {O=music_o} at the {=music_v}
  learn {a =music_q} song on the {O=music_o}
words music_q: slow, cheerful, sad, famous, new, difficult, lively, tender
rule block_music
  the {O} was {B=music_b}
  the {O} turned out to be {B=music_b}
rule fail_music
  <H> tried to play it, but it only {=music_s}.
  <H> gave it {a =music_h}, but that made it worse.
words music_s: squeaked, croaked, buzzed, rattled, coughed, wheezed, groaned, hissed, screeched, rumbled, hiccuped
words music_h: shake, bath, kick, rub, slap, squeeze, twist, knock, blow, scolding
rule tell_music
  {^g.my} {O2=music_m} says the {O} is {B}, and {g.I} cannot play
  The {O} is {B}
words music_m: teacher, tutor, conductor, bandmaster, choirmaster, landlady
rule plan_music
  A bit of work and {T=music_t} will save it
  All it needs is {T=music_t}
rule solve_music
  <HF> fixed the {O} with {T}
  {F} brought {T}, and <H> {=gladly} repaired the {O}
rule end_music
  The {O} sounded {=music_r} again.
words music_r: sweet, bright, clear, rich, warm, lovely, soft, like a songbird, like new, like rain on leaves, as good as gold

words boat_o: yacht, sloop, raft, ship, canoe, rowboat, schooner, ketch, ferry, dinghy, steamboat, barge, gondola, catamaran, tugboat, submarine
words boat_p: island, open sea, lighthouse, coral reef, far shore, harbour, end of the bay, sunny south, whale rocks, great delta, lagoon, next port
words boat_b: mast, sail, rudder, anchor, keel, hull, deck, tiller, bow, oar, cabin, propeller, engine
words boat_t: tar, canvas, rope, nails, planks, timber, bolts, paint, a wooden spoon, a bed sheet, a tablecloth, a broomstick, pine resin, a patchwork quilt, sailcloth, twine
rule want_boat
  build {a O=boat_o} and sail to the {=boat_p}
  sail {a O=boat_o} around the {=boat_p}
rule block_boat
  the {B=boat_b} {=boat_s} in the first {=boat_w}
  {a =boat_w} came up, and the {B=boat_b} {=boat_s}
words boat_s: broke, cracked, leaked, came off, snapped, split in two, fell into the water, gave way
words boat_w: storm, wave, gale, tide, whirlpool, squall, swell, breeze
rule fail_boat
  <H> stuffed the gap with {=boat_x}, but the water kept coming.
  <H> tied it with {=boat_x}, but it did not hold.
words boat_x: seaweed, socks, grass, moss, straw, noodles, paper, old newspapers, rags, hay, cotton, mittens
rule tell_boat
  The {B} is broken, and the {O} will sink
  Without the {B}, the {O} cannot sail
rule plan_boat
  We can mend the {B} with {T=boat_t}
  A sailor uses {T=boat_t} for a thing like that
rule solve_boat
  <HF> mended the {B} with {T}
  {F} brought {T}, and the {B} was soon repaired
rule end_boat
  The {O} {=boat_g} over the waves to the {=boat_p}.
words boat_g: sailed, glided, flew, skipped, raced, danced, bobbed, slid

words house_o: hut, cabin, cottage, tree house, igloo, bungalow, castle, tower, shed, barn, playhouse, doghouse, birdhouse, greenhouse, lodge, tent
words house_m: straw, sticks, cards, paper, leaves, reeds, sand, cloth, bamboo, moss, twigs, feathers
words house_b: storm, gale, downpour, earthquake, hurricane, blizzard, tornado, flood, thunderstorm, whirlwind, snowstorm, hailstorm
words house_t: bricks, stones, clay, oak beams, mortar, concrete, tiles, logs, granite, marble, slate, iron bars, cement, limestone
words house_v: own, cosy, sturdy, round, pointed, hidden, wooden, roomy
rule want_house
  build {a =house_v} {O=house_o} of {B2=house_m}
  live in {a =house_v} {O=house_o} made of {B2=house_m}
rule block_house
  {a B=house_b} {=house_d} the walls of {B2}
words house_d: knocked down, blew over, tore apart, carried off, crushed, washed away, flattened, scattered
rule fail_house
  <H> piled up more {B2}, but the walls were too {=house_k}.
  <H> began again, but the {O} fell down {=house_w}.
words house_k: weak, thin, light, wobbly, crooked, soft, wet, loose
words house_w: twice, at once, before noon, with a crash, again and again, overnight, at the first touch, without a sound
rule tell_house
  The {B} broke the {O}
  {^B2} cannot stand against {a B}
rule plan_house
  Build it of {T=house_t} instead of {B2}
  No {B} is stronger than {T=house_t}
rule solve_house
  <HF> gathered {T} and {=gladly} built new walls
  {F} taught <H> how to build with {T}
rule end_house
  When the next {B} came, the {O} {=house_e}.
words house_e: stood firm, did not move, stayed dry, only creaked, kept them warm, did not even tremble, was as safe as a rock, held

words picture_o: waterfall, castle, sunrise, sailing ship, vase of flowers, horse, mountain, garden, thunderstorm, wedding, old bridge, lighthouse, bowl of fruit, snowy field, market, royal family
words picture_b: brush, easel, palette, canvas, crayon, pencil, paintbox, sketchbook, ink bottle, roller, frame, sponge
words picture_t: feather, twig, cork, leaf, potato, pinecone, piece of charcoal, tuft of wool, thumb, carrot, bedsheet, paddle, stick, seashell, spoon, whisker
words picture_c: museum, gallery, school, town hall, palace, library, theatre, kitchen wall, hospital, station, mayor, nursery
rule want_picture
  paint a picture of {a O=picture_o}
  paint {a O=picture_o} for the {=picture_c}
rule block_picture
  the {B=picture_b} was {=picture_s}
  somebody had {=picture_d} the {B=picture_b}
words picture_s: missing, gone, broken, stolen, ruined, lost, frozen stiff, in pieces
words picture_d: eaten, taken, hidden, dropped, buried, burned, borrowed, sat on
rule fail_picture
  <H> tried to use {a =picture_x}, but it made a mess.
  <H> looked for the {B} under the {=picture_u}, but it was not there.
words picture_x: mop, shoe, fork, comb, broom, toothbrush, cactus, pancake, doormat, sausage
words picture_u: bed, carpet, table, sofa, stairs, bath, cupboard, rug, blanket, desk
rule tell_picture
  The {B} is gone, and {g.I} cannot paint the {O}
  {^g.I} cannot paint {a O} without my {B}
rule plan_picture
  You can paint with {a =toollook} {T=picture_t}
  {^a =toollook} {T=picture_t} works as well as any {B}
rule solve_picture
  <H> dipped the {T} into the paint while {F} {=picture_h}
  {F} found {a T}, and <H> painted {=gladly} until the paper was full
words picture_h: watched, mixed the colours, held the paper, gave advice, cleared the table, told jokes, posed, opened the window
rule end_picture
  The {O} looked {=picture_r}.
words picture_r: almost alive, beautiful, real, better than a photograph, strange and wonderful, grand, very grand indeed, like a dream, fit for a king, magnificent

words wool_o: sweater, scarf, blanket, shawl, cardigan, hat, poncho, pullover, bedspread, vest, quilt, carpet, tea cosy, jumper, bonnet, cape
words wool_b: wool, yarn, thread, cotton, silk, linen, cashmere, flax, felt, mohair
words wool_t: sheep, goat, alpaca, llama, rabbit, silkworm, camel, yak, poodle, old sock, cotton plant, spinning wheel, torn curtain, unravelled mitten, barber, hammock
words wool_c: cold, snowy, icy, windy, freezing, wet, long, hard
rule want_wool
  knit {a O=wool_o} for the {=wool_c} winter
  knit {a =wool_q} {O=wool_o} as a present
words wool_q: thick, soft, warm, fuzzy, cosy, long, woolly, bright
rule block_wool
  the {B=wool_b} ran out {=wool_w}
  {a =wool_a} stole the last ball of {B=wool_b}
words wool_w: halfway, at the last row, after one row, too soon, by midnight, before the end, at the elbow, in the middle
words wool_a: kitten, magpie, moth, thief, goat, puppy, squirrel, burglar
rule fail_wool
  <H> tried to knit with {=wool_x}, but it {=wool_y}.
  <H> searched the {=wool_r} for {B} and found only {=wool_x}.
words wool_x: spaghetti, grass, seaweed, ribbons, cobwebs, straw, wire, vines, hair, shoelaces, spider silk, dental floss
words wool_y: tore, itched, scratched, melted, smelled bad, fell apart, broke, stretched
words wool_r: attic, drawers, closet, cellar, garage, wardrobe, sewing box, cupboard
rule tell_wool
  There is no more {B} for the {O}
  The {O} is not finished, and the {B} is gone
rule plan_wool
  I know {a T=wool_t} that can give us {B}
  We can make {B} with the help of {a T=wool_t}
rule solve_wool
  <HF> went to the {T} and spun new {B}
  {F} led <H> to the {T}, and soon there was {B} enough
rule end_wool
  The {O} was {=wool_e}.
words wool_e: as soft as a cloud, finished by Christmas, warm as toast, a perfect fit, long enough for two, the envy of the street, ready before the snow, worn every day

words soup_o: pumpkin, onion, mushroom, tomato, potato, leek, barley, pea, nettle, noodle, fish, carrot, beet, celery, lentil, cabbage
words soup_g: guests, king, queen, workers, travellers, mayor, poor, children, village, soldiers, visitors, orphans
words soup_b: damp, wet, green, rotten, frozen, icy, mossy, soggy, too thick, too short
words soup_t: pinecones, dry twigs, straw, coal, bark, birch logs, old letters, wood shavings, charcoal, dead leaves, kindling, hay, candle stubs, pine needles, corncobs, peat
rule want_soup
  cook {=soup_q} {O=soup_o} soup for the {=soup_g}
  serve {O=soup_o} soup to the {=soup_g}
words soup_q: hot, thick, creamy, spicy, hearty, fresh, tasty, steaming
rule block_soup
  the firewood was {B=soup_b}
  the stove was cold because the firewood was {B=soup_b}
rule fail_soup
  <H> struck {=cave_n} matches, but the fire {=soup_f}.
  <H> blew on the sparks, but the fire {=soup_f}.
words soup_f: went out, only smoked, would not burn, died, hissed and sputtered, fizzled out, did not catch, refused to start
rule tell_soup
  The firewood is {B}, and the {O} soup is cold
  No fire, no {O} soup
rule plan_soup
  Let us burn {T=soup_t} instead
  With {T=soup_t} any fire will burn
rule solve_soup
  <HF> heaped {T} under the kettle, and flames {=soup_l}
  {F} lit {T} with one match while <H> chopped {=soup_v}
words soup_l: leaped up, crackled, roared, flickered, danced, glowed, sprang up, rose high
words soup_v: parsley, garlic, onions, herbs, dill, chives, basil, turnips, peppers, thyme
rule end_soup
  The {O} soup {=soup_e}.
words soup_e: bubbled merrily, warmed every belly, smelled delicious, was gone in minutes, tasted like home, steamed in its bowls, needed only a pinch of salt, filled the house with its smell

words balloon_o: mountains, ocean, desert, clouds, city, north pole, jungle, rainbow, canyon, volcano, pyramids, waterfalls
words balloon_b: hole, rip, tear, leak, slit, crack, split, gash
words balloon_t: patch, bandage, handkerchief, sticking plaster, raincoat, umbrella, pillowcase, tablecloth, banana leaf, pancake, parachute, stocking, napkin, postage stamp, kerchief, shower curtain
words balloon_a: thorn, hawk, branch, needle, falcon, weathercock, woodpecker, lightning bolt, kite, nail, bat, fence
rule want_balloon
  float over the {O=balloon_o} in {a =balloon_k} balloon
  cross the {O=balloon_o} in {a =balloon_k} balloon
words balloon_k: hot-air, silk, giant, home-made, borrowed, heart-shaped, rainbow-coloured, tiny
rule block_balloon
  {a =balloon_a} made {a B=balloon_b} in the balloon
  there was {a B=balloon_b} in the balloon
rule fail_balloon
  <H> held it shut with both hands, but air {=balloon_h}.
  <H> covered the {B} with {=balloon_x}, but air {=balloon_h}.
words balloon_h: hissed out, whistled past, escaped, puffed out, streamed away, kept leaking, blew the wrong way, rushed out
words balloon_x: jam, mud, butter, dough, toothpaste, porridge, chewing gum, wet leaves, mashed potato, soap
rule tell_balloon
  There is {a B} in the balloon
  The balloon will not rise because of {a B}
rule plan_balloon
  {^a =toollook} {T=balloon_t} will close the {B}
  Sew my {=toollook} {T=balloon_t} over the {B}
rule solve_balloon
  <HF> fixed the {B} with the {T}
  {F} stretched the {T} over the {B} while <H> sewed {=gladly}
rule end_balloon
  Up they went, {=balloon_e} over the {O}.
words balloon_e: higher than the birds, singing all the way, waving at the crowd, as light as a feather, hand in hand, faster than the geese, drifting gently, right into the sunset

words clock_o: clock, toy train, music box, sewing machine, radio, robot, watch, weather vane, carousel, tractor, typewriter, camera, bicycle, mechanical bird, lamp, fountain
words clock_b: spring, gear, screw, wheel, lever, button, switch, bolt, chain, hinge, pedal, crank, dial, pin
words clock_t: hairpin, coin, paperclip, bottle cap, thimble, shirt button, ring, needle, teaspoon, chestnut, doorknob, earring, marble, walnut shell, fishhook, acorn cup
words clock_p: kitchen, church, station, attic, school, museum, castle, shop, park, hall, workshop, square
rule want_clock
  repair the old {O=clock_o} in the {=clock_p}
  make the {O=clock_o} in the {=clock_p} work again
rule block_clock
  one {=clock_z} {B=clock_b} was missing
  {a =clock_z} {B=clock_b} fell down the drain
words clock_z: tiny, important, special, rare, golden, copper, brass, steel
rule fail_clock
  <H> turned everything {=clock_d}, but the {O} did not move.
  <H> pushed and pulled, but the {O} only {=clock_s}.
words clock_d: clockwise, around, upside down, inside out, back and forth, sideways, to the left, to the right
words clock_s: clicked, creaked, squeaked, rattled, buzzed, wobbled, ticked once, sneezed dust
rule tell_clock
  The {O} has lost its {B}
  {^g.I} cannot find the {B} for the {O}
rule plan_clock
  Use my {=toollook} {T=clock_t} as a new {B}
  This {=toollook} {T=clock_t} is just the right size for {a B}
rule solve_clock
  <HF> put the {T} in the place of the {B}
  {F} handed over the {T}, and <H> {=gladly} fitted it inside
rule end_clock
  With {a =clock_e}, the {O} came back to life.
words clock_e: click, whirr, hum, clang, jingle, tick and a tock, ping, puff of steam, rattle, little cough
)grammar";

}  // namespace orrery::lexicon

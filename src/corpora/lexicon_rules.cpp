// How a story goes: opening, wish, trouble, help, finish. Each theme of lexicon_themes_*.cpp fills in seven rules:
//   want_X   an infinitive phrase that introduces the object O: what is wished for
//   block_X  a clause in the past that introduces the obstacle B
//   fail_X   a sentence: the first attempt fails
//   tell_X   the obstacle in the hero's own words, present tense
//   plan_X   the helper's words, which introduce the tool T
//   solve_X  a clause in the past: the tool meets the obstacle
//   end_X    a sentence: the wish comes true
#include "corpora/lexicon.h"

namespace orrery::lexicon {

const char* const kRules = R"grammar(
register g: the hero's pronoun or verb form
register H: the hero's name
register I: the second hero's name
register K: the hero's kind
register f: the helper's pronoun
register F: the helper's name
register P: the place of the story
register t: the theme
register O: the wished-for object
register B: the obstacle
register T: the tool
register P2: where the wished-for object is
register O2: what the wish is about
register B2: the material
register S: a word said before

rule start
  <opening><break><wish>\n\n<trouble><break><help>\n\n<finish>

rule break
  ~ ~
  *2 \n\n

# A hero, or two: the name decides the pronoun of all that follows.
rule H
  ?g=they {H} and {I}
  ?g!=they {H}
# The hero or heroes with the helper.
rule HF
  ?g=they {H}, {I} and {F}
  ?g!=they {H} and {F}
rule hero
  *7 {g:gender/she}{a =trait}<size> {K=beast} named {H=girl}
  *3 {g:gender/she}{a =trait}<size> {K=person} named {H=girl}
  *1 {g:gender/she}{a =trait}<size> {K=girlkind} named {H=girl}
  *7 {g:gender/he}{a =trait}<size> {K=beast} named {H=boy}
  *3 {g:gender/he}{a =trait}<size> {K=person} named {H=boy}
  *1 {g:gender/he}{a =trait}<size> {K=boykind} named {H=boy}
  *3 {g:gender/it}{a =trait}<size> {K=beast} named {H=petname}
  *3 {g:gender/they}two {=trait}<size> {K=twin.s} named {H=girl} and {I=boy}
rule size
  *5 ~
  *3 ~ {=look}
  *2 ~ little
words look: grey, brown, black, white, red-haired, long-haired, one-eyed, round-faced, blue-eyed, green-eyed, big-eared, short-sighted, left-handed,
  gap-toothed, sharp-eyed, sunburnt, pale, spotted, chubby, skinny, tall, short, young, small, round

rule opening
  *4 {=opener}, in {a =placelook} {P=settlement} {=near} the {=landlook} {=landmark}, there lived <hero>. <habit>
  *2 In {a =placelook} {P=settlement} {=near} the {=landlook} {=landmark} lived <hero>. <habit>
  *2 {^a =placelook} {P=settlement} {=near} the {=landlook} {=landmark} was the home of <hero>. <habit>
  *2 {=opener}, there lived <hero> in {a =placelook} {P=settlement} {=near} the {=landlook} {=landmark}. <habit>
rule habit
  *3 Every {=every}, {g.he} {=hobby.ed} with {g.his} {=relative}.
  *3 {^g.he} loved to {=hobby}.
  *2 {^g.he} liked {=hobby.ing} more than anything.
  *2 <H> often {=hobby.ed} and ate {=food}.
  *2 ?g!=they {^g.he} always wore {a =colour} {=clothing} and liked to {=hobby}.
  Everyone knew how {=trait} {g.he} {g.was}.
  ?g!=they {^g.his} {=relative} called {g.him} {a =trait} {=fellow}.
words fellow: soul, heart, creature, spirit, character, dreamer

rule wish
  *3 One {=weather} {=daypart}, <H> {=wanted} to <pick>.<eager>
  *2 One {=weather} {=daypart}, <H> made {a =plansize} plan: {g.he} would <pick>.<eager>
  *2 <H> had {a =wishsize} wish: to <pick>.<eager>
  *2 "Today {g.I} {g.am} going to <pick>," said <H> one {=weather} {=daypart}.
  "{^g.I} would love to <pick>," <H> told {g.his} {=relative} one {=weather} {=daypart}.
words plansize: bold, new, big, clever, secret, daring, simple, careful, grand, good
words wishsize: big, secret, simple, great, old, special, dear, burning, quiet, bright
rule eager
  *6 ~
  ~ {^g.he} could hardly wait.
  ~ {^g.he} had thought about it for {=span}.
  ~ "This will be {=wonderful}!" {g.he} {=cheered}.
  ~ {^g.he} packed {=food} and set off {=gladly}.
words span: days, weeks, months, years, ages, a week, a month, a year, a whole winter, a long time
words wonderful: wonderful, marvellous, splendid, exciting, magical, perfect, lovely, great fun, fantastic, delightful, easy, a dream, an adventure, a treat

rule pick
  {t:theme/kite}<want@t>
  {t:theme/raft}<want@t>
  {t:theme/garden}<want@t>
  {t:theme/cave}<want@t>
  {t:theme/lamb}<want@t>
  {t:theme/honey}<want@t>
  {t:theme/well}<want@t>
  {t:theme/fish}<want@t>
  {t:theme/star}<want@t>
  {t:theme/cake}<want@t>
  {t:theme/music}<want@t>
  {t:theme/boat}<want@t>
  {t:theme/house}<want@t>
  {t:theme/picture}<want@t>
  {t:theme/wool}<want@t>
  {t:theme/soup}<want@t>
  {t:theme/balloon}<want@t>
  {t:theme/clock}<want@t>
  {t:theme/chest}<want@t>
  {t:theme/race}<want@t>
  {t:theme/letter}<want@t>
  {t:theme/market}<want@t>
  {t:theme/stage}<want@t>
  {t:theme/toy}<want@t>
  {t:theme/sick}<want@t>
  {t:theme/skill}<want@t>
words theme: kite, raft, garden, cave, lamb, honey, well, fish, star, cake, music, boat, house, picture, wool, soup, balloon, clock, chest, race,
  letter, market, stage, toy, sick, skill

rule trouble
  *6 <butwhen><block@t>. <fail@t>
  *3 <butwhen><block@t>. <feeling>
  <butwhen><block@t>.
rule butwhen
  *3 But ~
  *8 {=butwhen}, ~
rule feeling
  {^g.he} felt {=sad}.
  {^g.he} sat down on {a =seat} and {=sighed} {=slowly}.
  "What shall {g.I} do now?" {=sighed} <H>.
  <H> {g.was} {S=sad} and {=sad!S}.
  "This is {=awful}," {g.he} {=sighed}.
words awful: awful, terrible, hopeless, too hard, not fair, a disaster, the worst day ever, impossible, dreadful, such a pity, a real mess, bad luck

rule help
  *4 {=justthen}, <helper> {=cameby}. <question> "<tell@t>," {=answered} <H>. "<plan@t>," {=advised} {F}.
  *3 {=justthen}, <helper> {=cameby}. "<tell@t>," {=sighed} <H>. {F} {=thought}. "<plan@t>," {f.he} {=advised}.
  *3 {=justthen}, <helper> {=cameby}. "<plan@t>," {=advised} {F}.
  *2 <H> asked <helper> for help. {F} {=thought}. "<plan@t>," {f.he} {=advised}.
words advised: said, advised, suggested, explained, promised, whispered, declared, announced, offered
rule helper
  *3 {f:gender/she}{a =helperlook} {=beast} named {F=girl!H}
  *2 {f:gender/she}{a =helperlook} {=person} named {F=girl!H}
  *3 {f:gender/he}{a =helperlook} {=beast} named {F=boy!H!I}
  *2 {f:gender/he}{a =helperlook} {=person} named {F=boy!H!I}
rule question
  *3 "Why are you so {=sad}?" {=asked} {F}.
  "What is the matter?" {=asked} {F}.
  "Can I help you?" {=asked} {F}.
  "You look {=sad}, my {g.friend}," {=advised} {F}.

rule finish
  <sowhen><solve@t>. <end@t><ending>
rule sowhen
  *2 So ~
  *9 {=sowhen}, ~
rule ending
  *4 ~ <thanks>
  *4 ~ <last>
  *2 ~ That {=celebrate}, they shared {=food} and {=drink} by the {=partyplace}.
rule thanks
  *2 "Thank you, {F}!" {=cheered} <H>.
  *3 <H> {g.was} so {=glad} that {g.he} {=rejoice.ed}.
  *2 <H> hugged {F} and {=rejoice.ed}.
  "You are a true friend, {F}," said <H> {=warmly}.
  "We did it!" {=cheered} {F}, and <H> {=rejoice.ed}.
rule last
  *3 From that day on, <HF> were {=bond}.
  *4 <H> learned that {=lesson}.
  *2 Everyone in the {P} {=praised}.
  *2 "Remember," said {F}, "{=lesson}."
words warmly: happily, cheerfully, warmly, softly, proudly, shyly, kindly, loudly, again and again, at last, with a smile, with a bow, with shining eyes, over and over
words bond: best friends, good friends, inseparable, partners, like family, neighbours, a fine team, never apart, the best of friends, companions, a happy crew
)grammar";

}  // namespace orrery::lexicon

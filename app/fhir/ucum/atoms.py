"""The units and prefixes of UCUM as data: https://ucum.org/ucum#section-Tables-of-Terminal-Symbols

A row is ``code | definition | name``. A definition is a number and a unit code, or one of

* ``base``: one of the seven base units;
* ``arbitrary``: defined by a procedure, so a dimension of its own that nothing else converts to;
* ``scale NUMBER UNIT + OFFSET``: a temperature scale, in kelvin;
* ``function UNIT``: a logarithm, tangent or the like of that unit, which is read but not converted.

Metric units take prefixes, the others do not.

UCUM is a work of Regenstrief Institute and the UCUM Organization; its terms of use: https://ucum.org/license
"""

from __future__ import annotations

from typing import Final

PREFIXES: Final = """
Y 1e24; Z 1e21; E 1e18; P 1e15; T 1e12; G 1e9; M 1e6; k 1e3; h 1e2; da 1e1; d 1e-1; c 1e-2; m 1e-3; u 1e-6; n 1e-9;
p 1e-12; f 1e-15; a 1e-18; z 1e-21; y 1e-24; Ki 1024; Mi 1048576; Gi 1073741824; Ti 1099511627776
"""

METRIC: Final = """
m | base | metre
s | base | second
g | base | gram
rad | base | radian
K | base | kelvin
C | base | coulomb
cd | base | candela

mol | 6.02214076 10*23 | mole
sr | 1 rad2 | steradian
Hz | 1 s-1 | hertz
N | 1 kg.m/s2 | newton
Pa | 1 N/m2 | pascal
J | 1 N.m | joule
W | 1 J/s | watt
A | 1 C/s | ampere
V | 1 J/C | volt
F | 1 C/V | farad
Ohm | 1 V/A | ohm
S | 1 Ohm-1 | siemens
Wb | 1 V.s | weber
Cel | scale 1 K + 273.15 | degree Celsius
T | 1 Wb/m2 | tesla
H | 1 Wb/A | henry
lm | 1 cd.sr | lumen
lx | 1 lm/m2 | lux
Bq | 1 s-1 | becquerel
Gy | 1 J/kg | gray
Sv | 1 J/kg | sievert

l | 1 dm3 | litre
L | 1 l | litre
ar | 100 m2 | are
t | 1000 kg | tonne
bar | 100000 Pa | bar
u | 1.66053906660e-24 g | unified atomic mass unit
eV | 1 [e].V | electronvolt
pc | 3.085678e16 m | parsec

[c] | 299792458 m/s | speed of light
[h] | 6.62607015e-34 J.s | Planck constant
[k] | 1.380649e-23 J/K | Boltzmann constant
[eps_0] | 8.854187817e-12 F/m | permittivity of vacuum
[mu_0] | 4e-7 [pi].N/A2 | permeability of vacuum
[e] | 1.602176634e-19 C | elementary charge
[m_e] | 9.1093837139e-31 kg | electron mass
[m_p] | 1.67262192595e-27 kg | proton mass
[G] | 6.67430e-11 m3.kg-1.s-2 | gravitational constant
[g] | 9.80665 m/s2 | standard acceleration of free fall
[ly] | 1 [c].a_j | light-year
gf | 1 g.[g] | gram-force

Ky | 1 cm-1 | kayser
Gal | 1 cm/s2 | gal
dyn | 1 g.cm/s2 | dyne
erg | 1 dyn.cm | erg
P | 1 dyn.s/cm2 | poise
Bi | 10 A | biot
St | 1 cm2/s | stokes
Mx | 1e-8 Wb | maxwell
G | 1e-4 T | gauss
Oe | 250 /[pi].A/m | oersted
Gb | 1 Oe.cm | gilbert
sb | 1 cd/cm2 | stilb
Lmb | 1 cd/cm2/[pi] | lambert
ph | 1e-4 lx | phot
Ci | 37000000000 Bq | curie
R | 2.58e-4 C/kg | roentgen
RAD | 100 erg/g | radiation absorbed dose
REM | 1 RAD | radiation equivalent man

cal_[15] | 4.18580 J | calorie at 15 degrees
cal_[20] | 4.18190 J | calorie at 20 degrees
cal_m | 4.19002 J | mean calorie
cal_IT | 4.1868 J | International Table calorie
cal_th | 4.184 J | thermochemical calorie
cal | 1 cal_th | calorie
tex | 1 g/km | tex

m[H2O] | 9.80665 kPa | metre of water column
m[Hg] | 133.3220 kPa | metre of mercury column
eq | 1 mol | equivalent
osm | 1 mol | osmole
g% | 1 g/dl | gram percent
kat | 1 mol/s | katal
U | 1 umol/min | enzyme unit
[iU] | arbitrary | international unit
[IU] | 1 [iU] | international unit

Np | function 1 | neper
B | function 1 | bel
B[SPL] | function Pa | bel sound pressure
B[V] | function V | bel volt
B[mV] | function mV | bel millivolt
B[uV] | function uV | bel microvolt
B[10.nV] | function nV | bel 10 nanovolt
B[W] | function W | bel watt
B[kW] | function kW | bel kilowatt

st | 1 m3 | stere
mho | 1 S | mho
bit | 1 1 | bit
By | 8 bit | byte
Bd | 1 /s | baud
"""

NOT_METRIC: Final = """
10* | 10 1 | the number ten for powers
10^ | 10 1 | the number ten for powers
[pi] | 3.1415926535897932384626433832795028841971693993751058209749445923 1 | the number pi
% | 0.01 1 | percent
[ppth] | 1e-3 1 | parts per thousand
[ppm] | 1e-6 1 | parts per million
[ppb] | 1e-9 1 | parts per billion
[pptr] | 1e-12 1 | parts per trillion

gon | 0.9 deg | gon
deg | 2 [pi].rad/360 | degree of angle
' | 1 deg/60 | minute of angle
'' | 1 '/60 | second of angle
min | 60 s | minute
h | 60 min | hour
d | 24 h | day
a_t | 365.24219 d | tropical year
a_j | 365.25 d | mean Julian year
a_g | 365.2425 d | mean Gregorian year
a | 1 a_j | year
wk | 7 d | week
mo_s | 29.53059 d | synodal month
mo_j | 1 a_j/12 | mean Julian month
mo_g | 1 a_g/12 | mean Gregorian month
mo | 1 mo_j | month
AU | 149597.870691 Mm | astronomic unit
atm | 101325 Pa | standard atmosphere
[lbf_av] | 1 [lb_av].[g] | pound force

[in_i] | 2.54 cm | inch
[ft_i] | 12 [in_i] | foot
[yd_i] | 3 [ft_i] | yard
[mi_i] | 5280 [ft_i] | mile
[fth_i] | 6 [ft_i] | fathom
[nmi_i] | 1852 m | nautical mile
[kn_i] | 1 [nmi_i]/h | knot
[sin_i] | 1 [in_i]2 | square inch
[sft_i] | 1 [ft_i]2 | square foot
[syd_i] | 1 [yd_i]2 | square yard
[cin_i] | 1 [in_i]3 | cubic inch
[cft_i] | 1 [ft_i]3 | cubic foot
[cyd_i] | 1 [yd_i]3 | cubic yard
[bf_i] | 144 [in_i]3 | board foot
[cr_i] | 128 [ft_i]3 | cord
[mil_i] | 1e-3 [in_i] | mil
[cml_i] | 1 [pi]/4.[mil_i]2 | circular mil
[hd_i] | 4 [in_i] | hand

[ft_us] | 1200 m/3937 | US survey foot
[yd_us] | 3 [ft_us] | US survey yard
[in_us] | 1 [ft_us]/12 | US survey inch
[rd_us] | 16.5 [ft_us] | US rod
[ch_us] | 4 [rd_us] | Gunter's chain
[lk_us] | 1 [ch_us]/100 | link for Gunter's chain
[rch_us] | 100 [ft_us] | Ramden's chain
[rlk_us] | 1 [rch_us]/100 | link for Ramden's chain
[fth_us] | 6 [ft_us] | US fathom
[fur_us] | 40 [rd_us] | furlong
[mi_us] | 8 [fur_us] | US survey mile
[acr_us] | 160 [rd_us]2 | acre
[srd_us] | 1 [rd_us]2 | square rod
[smi_us] | 1 [mi_us]2 | square mile
[sct] | 1 [mi_us]2 | section
[twp] | 36 [sct] | township
[mil_us] | 1e-3 [in_us] | US mil
[in_br] | 2.539998 cm | British inch
[ft_br] | 12 [in_br] | British foot
[rd_br] | 16.5 [ft_br] | British rod
[ch_br] | 4 [rd_br] | British chain
[lk_br] | 1 [ch_br]/100 | British link
[fth_br] | 6 [ft_br] | British fathom
[pc_br] | 2.5 [ft_br] | British pace
[yd_br] | 3 [ft_br] | British yard
[mi_br] | 5280 [ft_br] | British mile
[nmi_br] | 6080 [ft_br] | British nautical mile
[kn_br] | 1 [nmi_br]/h | British knot
[acr_br] | 4840 [yd_br]2 | British acre

[gal_us] | 231 [in_i]3 | US gallon
[bbl_us] | 42 [gal_us] | barrel
[qt_us] | 1 [gal_us]/4 | US quart
[pt_us] | 1 [qt_us]/2 | US pint
[gil_us] | 1 [pt_us]/4 | US gill
[foz_us] | 1 [gil_us]/4 | US fluid ounce
[fdr_us] | 1 [foz_us]/8 | US fluid dram
[min_us] | 1 [fdr_us]/60 | US minim
[crd_us] | 128 [ft_i]3 | US cord
[bu_us] | 2150.42 [in_i]3 | US bushel
[gal_wi] | 1 [bu_us]/8 | winchester gallon
[pk_us] | 1 [bu_us]/4 | US peck
[dqt_us] | 1 [pk_us]/8 | US dry quart
[dpt_us] | 1 [dqt_us]/2 | US dry pint
[tbs_us] | 1 [foz_us]/2 | US tablespoon
[tsp_us] | 1 [tbs_us]/3 | US teaspoon
[cup_us] | 16 [tbs_us] | US cup
[foz_m] | 30 mL | metric fluid ounce
[cup_m] | 240 mL | metric cup
[tsp_m] | 5 mL | metric teaspoon
[tbs_m] | 15 mL | metric tablespoon
[gal_br] | 4.54609 l | British gallon
[pk_br] | 2 [gal_br] | British peck
[bu_br] | 4 [pk_br] | British bushel
[qt_br] | 1 [gal_br]/4 | British quart
[pt_br] | 1 [qt_br]/2 | British pint
[gil_br] | 1 [pt_br]/4 | British gill
[foz_br] | 1 [gil_br]/5 | British fluid ounce
[fdr_br] | 1 [foz_br]/8 | British fluid dram
[min_br] | 1 [fdr_br]/60 | British minim

[gr] | 64.79891 mg | grain
[lb_av] | 7000 [gr] | pound
[oz_av] | 1 [lb_av]/16 | ounce
[dr_av] | 1 [oz_av]/16 | dram
[scwt_av] | 100 [lb_av] | short hundredweight
[lcwt_av] | 112 [lb_av] | long hundredweight
[ston_av] | 20 [scwt_av] | short ton
[lton_av] | 20 [lcwt_av] | long ton
[stone_av] | 14 [lb_av] | stone
[pwt_tr] | 24 [gr] | troy pennyweight
[oz_tr] | 20 [pwt_tr] | troy ounce
[lb_tr] | 12 [oz_tr] | troy pound
[sc_ap] | 20 [gr] | apothecaries' scruple
[dr_ap] | 3 [sc_ap] | apothecaries' dram
[oz_ap] | 8 [dr_ap] | apothecaries' ounce
[lb_ap] | 12 [oz_ap] | apothecaries' pound
[oz_m] | 28 g | metric ounce

[lne] | 1 [in_i]/12 | line
[pnt] | 1 [lne]/6 | point
[pca] | 12 [pnt] | pica
[pnt_pr] | 0.013837 [in_i] | printer's point
[pca_pr] | 12 [pnt_pr] | printer's pica
[pied] | 32.48 cm | French foot
[pouce] | 1 [pied]/12 | French inch
[ligne] | 1 [pouce]/12 | French line
[didot] | 1 [ligne]/6 | didot
[cicero] | 12 [didot] | cicero

[degF] | scale 5 K/9 + 459.67 | degree Fahrenheit
[degR] | 5 K/9 | degree Rankine
[degRe] | scale 5 K/4 + 218.52 | degree Reaumur
[Cal] | 1 kcal_th | nutrition label calorie
[Btu_39] | 1.05967 kJ | British thermal unit at 39 degrees
[Btu_59] | 1.05480 kJ | British thermal unit at 59 degrees
[Btu_60] | 1.05468 kJ | British thermal unit at 60 degrees
[Btu_m] | 1.05587 kJ | mean British thermal unit
[Btu_IT] | 1.05505585262 kJ | International Table British thermal unit
[Btu_th] | 1.054350 kJ | thermochemical British thermal unit
[Btu] | 1 [Btu_th] | British thermal unit
[HP] | 550 [ft_i].[lbf_av]/s | horsepower
[den] | 1 g/9/km | denier

[in_i'H2O] | 1 m[H2O].[in_i]/m | inch of water column
[in_i'Hg] | 1 m[Hg].[in_i]/m | inch of mercury column
[PRU] | 1 mm[Hg].s/ml | peripheral vascular resistance unit
[wood'U] | 1 mm[Hg].min/L | Wood unit
[diop] | 1 /m | diopter
[p'diop] | function rad | prism diopter
%[slope] | function deg | percent of slope
[mesh_i] | 1 /[in_i] | mesh
[Ch] | 1 mm/3 | Charriere (French)
[drp] | 1 ml/20 | drop
[hnsf'U] | 1 1 | Hounsfield unit
[MET] | 3.5 mL/min/kg | metabolic equivalent
[hp'_X] | function 1 | homeopathic potency, decimal, deprecated
[hp'_C] | function 1 | homeopathic potency, centesimal, deprecated
[hp'_M] | function 1 | homeopathic potency, millesimal, deprecated
[hp'_Q] | function 1 | homeopathic potency, quintamillesimal, deprecated
[hp_X] | arbitrary | homeopathic potency, Hahnemann decimal
[hp_C] | arbitrary | homeopathic potency, Hahnemann centesimal
[hp_M] | arbitrary | homeopathic potency, Hahnemann millesimal
[hp_Q] | arbitrary | homeopathic potency, Hahnemann quintamillesimal
[kp_X] | arbitrary | homeopathic potency, Korsakov decimal
[kp_C] | arbitrary | homeopathic potency, Korsakov centesimal
[kp_M] | arbitrary | homeopathic potency, Korsakov millesimal
[kp_Q] | arbitrary | homeopathic potency, Korsakov quintamillesimal

[pH] | function mol/l | pH
[S] | 1e-13 s | Svedberg unit
[HPF] | 1 1 | high power field
[LPF] | 100 1 | low power field
[arb'U] | arbitrary | arbitrary unit
[USP'U] | arbitrary | United States Pharmacopeia unit
[GPL'U] | arbitrary | GPL unit
[MPL'U] | arbitrary | MPL unit
[APL'U] | arbitrary | APL unit
[beth'U] | arbitrary | Bethesda unit
[anti'Xa'U] | arbitrary | anti factor Xa unit
[todd'U] | arbitrary | Todd unit
[dye'U] | arbitrary | Dye unit
[smgy'U] | arbitrary | Somogyi unit
[bdsk'U] | arbitrary | Bodansky unit
[ka'U] | arbitrary | King-Armstrong unit
[knk'U] | arbitrary | Kunkel unit
[mclg'U] | arbitrary | Mac Lagan unit
[tb'U] | arbitrary | tuberculin unit
[CCID_50] | arbitrary | 50% cell culture infectious dose
[TCID_50] | arbitrary | 50% tissue culture infectious dose
[EID_50] | arbitrary | 50% embryo infectious dose
[PFU] | arbitrary | plaque forming units
[FFU] | arbitrary | focus forming units
[CFU] | arbitrary | colony forming units
[IR] | arbitrary | index of reactivity
[BAU] | arbitrary | bioequivalent allergen unit
[AU] | arbitrary | allergen unit
[Amb'a'1'U] | arbitrary | allergen unit for Ambrosia artemisiifolia
[PNU] | arbitrary | protein nitrogen unit
[Lf] | arbitrary | limit of flocculation
[D'ag'U] | arbitrary | D-antigen unit
[FEU] | arbitrary | fibrinogen equivalent unit
[ELU] | arbitrary | ELISA unit
[EU] | arbitrary | Ehrlich unit

Ao | 0.1 nm | angstrom
b | 100 fm2 | barn
att | 1 kgf/cm2 | technical atmosphere
[psi] | 1 [lbf_av]/[in_i]2 | pound per square inch
circ | 2 [pi].rad | circle
sph | 4 [pi].sr | sphere
[car_m] | 0.2 g | metric carat
[car_Au] | 1 /24 | carat of gold alloys
[smoot] | 67 [in_i] | smoot
[m/s2/Hz^(1/2)] | function m2/s4/Hz | metre per square second per square root of hertz
[NTU] | 1 1 | nephelometric turbidity unit
[FNU] | 1 1 | formazin nephelometric unit
bit_s | function 1 | logarithmic bit
"""
